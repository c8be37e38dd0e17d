// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/packing.h"

#include <algorithm>
#include <numeric>

namespace omni {

std::vector<std::vector<int64_t>> pack_sequences(
    const std::vector<int64_t>& num_tokens,
    int64_t row_tokens) {
  std::vector<int64_t> order(num_tokens.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto length = [&](int64_t i) { return num_tokens[static_cast<size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return length(a) > length(b);
  });
  std::vector<std::vector<int64_t>> rows;
  std::vector<int64_t> room;
  for (const int64_t sequence : order) {
    size_t best = rows.size();
    for (size_t row = 0; row < rows.size(); ++row) {
      const bool fits = room[row] >= length(sequence);
      if (fits && (best == rows.size() || room[row] < room[best])) {
        best = row;
      }
    }
    if (best == rows.size()) {
      rows.emplace_back();
      room.push_back(row_tokens);
    }
    rows[best].push_back(sequence);
    room[best] -= length(sequence);
  }
  return rows;
}

} // namespace omni
