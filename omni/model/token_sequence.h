// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a conversation becomes: ids, three-axis positions, and spans that say which
// slots are filled by rows of which media item. Built by the Composer, read by
// OmniModel::embed. A plain value on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace omni {

enum class Modality { Text, Image, Audio, Video, Speech };

[[nodiscard]] const char* modality_name(Modality modality);
[[nodiscard]] Modality modality_from_name(const std::string& name);

// Rows of one media item, as an encoder and projector made them.
struct EncodedMedia {
  at::Tensor rows; // [R, D]
  at::Tensor positions; // float32 [R, 3]: t, y, x relative to the item's begin
};

// Slots [begin, begin + num_rows) of a TokenSequence hold rows
// [first_row, first_row + num_rows) of media item `item`.
struct MediaSpan {
  Modality modality = Modality::Image;
  int64_t begin = 0;
  int64_t num_rows = 0;
  int64_t item = 0;
  int64_t first_row = 0;
};

struct TokenSequence {
  std::vector<int64_t> ids;
  std::vector<std::array<float, 3>> positions; // t, y, x of each id
  std::vector<MediaSpan> spans; // in order of begin, not overlapping

  [[nodiscard]] int64_t num_tokens() const {
    return static_cast<int64_t>(ids.size());
  }
  // The position the next text id has: one more than the largest so far on any axis.
  [[nodiscard]] float next_position() const;
  // What follows id `begin`; spans cut to what is left of them. IndexError outside.
  [[nodiscard]] TokenSequence from(int64_t begin) const;
  [[nodiscard]] at::Tensor ids_tensor() const; // int64 [L]
  [[nodiscard]] at::Tensor positions_tensor() const; // float32 [L, 3]
};

// How many ids the two have in common from the first on, with positions and media.
// Equal items are taken for equal rows.
[[nodiscard]] int64_t common_prefix(const TokenSequence& a, const TokenSequence& b);

} // namespace omni
