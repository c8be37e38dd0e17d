// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// SentencePiece models put together field by field, sound ones and others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni::test {

struct Normalizer {
  bool has_dummy_prefix = true;
  bool removes_extra_spaces = false;
};

std::string piece(std::string_view text, float score = -1.0F, uint64_t type = 1);
std::string trainer(uint64_t model_type, bool has_byte_fallback);
std::string normalizer(std::string_view charsmap, Normalizer options = {});

// A whole model of these messages; empty ones are left out.
std::string model(
    const std::vector<std::string>& pieces,
    const std::string& trainer,
    const std::string& normalizer);
// <unk>, <s>, the 256 bytes, ▁, a, b, ab
std::vector<std::string> sound_pieces();
// `bytes` with other normaliser settings.
std::string with_normalizer(std::string_view bytes, const std::string& normalizer);

// A character map that rewrites A as x, with room to spoil it: 256 units, the text
// "x\0yy\0". Each unit that is not on the way of "A" has a label that nothing looks
// for.
struct Charsmap {
  std::vector<uint32_t> units;
  std::string replacements;
  uint32_t trie_bytes = 0;

  Charsmap();
  [[nodiscard]] std::string bytes() const;
};
// label: byte that leads to the unit; offset: to its children.
uint32_t unit(uint32_t label, uint32_t offset, bool ends_key);

} // namespace omni::test
