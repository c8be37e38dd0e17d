// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// softmax(scale q k^T) v of one token's query heads, in pieces: blocks of cache rows by
// themselves, then joined by their maxima and sums. float32 arithmetic. See Note [Row
// loops] in rms_norm_cpu.cpp.
#pragma once

#include <cstdint>

namespace omni::kernels::cpu {

// One group of query heads over one block of the cache.
struct AttendShape {
  int64_t heads_per_group = 0;
  int64_t key_width = 0; // K
  int64_t value_width = 0; // C
  int64_t key_stride = 0; // entries from one row of the cache to the next
  int64_t value_stride = 0;
  float scale = 1.0f; // of q k^T
};

// Heads that go over the cache together.
inline constexpr int64_t kHeadsAtOnce = 4;

// Floats of a head's part of a block: its largest score, the sum of exponentials, C
// weighted values.
constexpr int64_t partial_floats(int64_t value_width) {
  return value_width + 2;
}

// queries [heads_per_group, K] float32; keys and values of `num_rows` rows, T float or
// c10::BFloat16; scores is room for kHeadsAtOnce * num_rows floats; partial
// [heads_per_group, partial_floats(C)].
template <typename T>
void attend_block(
    const AttendShape& shape,
    const float* queries,
    const T* keys,
    const T* values,
    int64_t num_rows,
    float* scores,
    float* partial);

// One head's parts of `num_blocks` blocks, `step` floats apart, joined: out float32
// [C].
void join_blocks(
    const float* partial,
    int64_t step,
    int64_t num_blocks,
    int64_t value_width,
    float* out);

} // namespace omni::kernels::cpu
