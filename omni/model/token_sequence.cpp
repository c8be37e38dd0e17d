// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/token_sequence.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace omni {
namespace {

constexpr std::pair<Modality, const char*> kModalityNames[] = {
    {Modality::Text, "text"},
    {Modality::Image, "image"},
    {Modality::Audio, "audio"},
    {Modality::Video, "video"},
    {Modality::Speech, "speech"}};

} // namespace

const char* modality_name(Modality modality) {
  for (const auto& [value, name] : kModalityNames) {
    if (value == modality) {
      return name;
    }
  }
  TORCH_INTERNAL_ASSERT(false, "unknown modality");
}

Modality modality_from_name(const std::string& name) {
  for (const auto& [value, known] : kModalityNames) {
    if (name == known) {
      return value;
    }
  }
  TORCH_CHECK_VALUE(
      false, "[modality] expected one of text, image, audio, video, speech, got \"",
      name, "\".");
}

float TokenSequence::next_position() const {
  float largest = -1.0F;
  for (const auto& position : positions) {
    largest = std::max({largest, position[0], position[1], position[2]});
  }
  return std::floor(largest) + 1.0F;
}

TokenSequence TokenSequence::from(int64_t begin) const {
  TORCH_CHECK_INDEX(
      begin >= 0 && begin <= num_tokens(), "[token_sequence] expected a begin in [0, ",
      num_tokens(), "], got ", begin, ".");
  TokenSequence tail;
  tail.ids.assign(ids.begin() + begin, ids.end());
  tail.positions.assign(positions.begin() + begin, positions.end());
  for (MediaSpan span : spans) {
    const int64_t skipped = std::clamp<int64_t>(begin - span.begin, 0, span.num_rows);
    span.first_row += skipped;
    span.num_rows -= skipped;
    span.begin = std::max<int64_t>(span.begin - begin, 0);
    if (span.num_rows > 0) {
      tail.spans.push_back(span);
    }
  }
  return tail;
}

at::Tensor TokenSequence::ids_tensor() const {
  return at::tensor(ids, at::kLong);
}

at::Tensor TokenSequence::positions_tensor() const {
  const at::Tensor result = at::empty({num_tokens(), 3}, at::kFloat);
  static_assert(sizeof(positions[0]) == 3 * sizeof(float));
  if (!positions.empty()) {
    std::copy_n(
        positions.front().data(), 3 * positions.size(),
        result.mutable_data_ptr<float>());
  }
  return result;
}

int64_t common_prefix(const TokenSequence& a, const TokenSequence& b) {
  const int64_t limit = std::min(a.num_tokens(), b.num_tokens());
  int64_t length = 0;
  while (length < limit) {
    const auto i = static_cast<size_t>(length);
    if (a.ids[i] != b.ids[i] || a.positions[i] != b.positions[i]) {
      break;
    }
    ++length;
  }
  for (size_t i = 0; i < std::min(a.spans.size(), b.spans.size()); ++i) {
    if (a.spans[i].item != b.spans[i].item || a.spans[i].begin != b.spans[i].begin) {
      return std::min({length, a.spans[i].begin, b.spans[i].begin});
    }
  }
  return length;
}

} // namespace omni
