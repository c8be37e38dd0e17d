// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal to kernels/: rows in blocks, one for each of several matrices.
#pragma once

#include <c10/util/ArrayRef.h>

namespace omni::kernels {

// Calls `run(block, begin, count)` for every block that has rows.
template <typename Run>
void for_blocks(at::IntArrayRef counts, const Run& run) {
  int64_t begin = 0;
  for (size_t block = 0; block < counts.size(); ++block) {
    if (counts[block] > 0) {
      run(static_cast<int64_t>(block), begin, counts[block]);
      begin += counts[block];
    }
  }
}

} // namespace omni::kernels
