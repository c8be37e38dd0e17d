// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/attend_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/attend_rows_avx512.h"
#include "kernels/cpu/row_steps.h"
#include "kernels/cpu/simd.h"

namespace omni::kernels::cpu {
namespace {

// Four rows share the loads of q. Unrolled, so that their sums stay in registers.
template <typename T>
[[gnu::always_inline]] inline void four_scores(
    const float* q,
    const T* keys,
    int64_t stride,
    int64_t width,
    float* scores) {
  Sixteen sums[4], query, key;
  int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    load(q + i, query);
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      load(keys + row * stride + i, key);
      sums[row].low += query.low * key.low;
      sums[row].high += query.high * key.high;
    }
  }
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row) {
    scores[row] = sum_of(sums[row]);
    for (int64_t rest = i; rest < width; ++rest) {
      scores[row] += q[rest] * to_float(keys[row * stride + rest]);
    }
  }
}

template <typename T>
[[gnu::always_inline]] inline void attend(
    const AttendShape& shape,
    const float* queries,
    const T* keys,
    const T* values,
    int64_t rows,
    float* __restrict scores,
    float* partial) {
  for (int64_t head = 0; head < shape.heads_per_group; ++head) {
    const float* __restrict q = queries + head * shape.key_width;
    int64_t j = 0;
    for (; j + 4 <= rows; j += 4) {
      four_scores(
          q, keys + j * shape.key_stride, shape.key_stride, shape.key_width,
          scores + j);
    }
    for (; j < rows; ++j) {
      scores[j] = dot(q, keys + j * shape.key_stride, shape.key_width);
    }
    const SoftmaxSum softmax = exponentiate_row(shape.scale, rows, scores);
    float* __restrict out = partial + head * partial_floats(shape.value_width) + 2;
    out[-2] = softmax.largest;
    out[-1] = softmax.sum;
    for (int64_t c = 0; c < shape.value_width; ++c) {
      out[c] = 0.0f;
    }
    for (j = 0; j + 4 <= rows; j += 4) {
      const T* __restrict v0 = values + j * shape.value_stride;
      const T* __restrict v1 = v0 + shape.value_stride;
      const T* __restrict v2 = v1 + shape.value_stride;
      const T* __restrict v3 = v2 + shape.value_stride;
      const float p0 = scores[j], p1 = scores[j + 1];
      const float p2 = scores[j + 2], p3 = scores[j + 3];
#pragma omp simd
      for (int64_t c = 0; c < shape.value_width; ++c) {
        out[c] += p0 * to_float(v0[c]) + p1 * to_float(v1[c]) + p2 * to_float(v2[c]) +
            p3 * to_float(v3[c]);
      }
    }
    for (; j < rows; ++j) {
      const T* __restrict value = values + j * shape.value_stride;
      const float p = scores[j];
#pragma omp simd
      for (int64_t c = 0; c < shape.value_width; ++c) {
        out[c] += p * to_float(value[c]);
      }
    }
  }
}

// A template cannot have clones by itself in every compiler: two plain functions.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void attend_float(
    const AttendShape& shape,
    const float* queries,
    const float* keys,
    const float* values,
    int64_t rows,
    float* scores,
    float* partial) {
  attend(shape, queries, keys, values, rows, scores, partial);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
attend_bfloat16(
    const AttendShape& shape,
    const float* queries,
    const c10::BFloat16* keys,
    const c10::BFloat16* values,
    int64_t rows,
    float* scores,
    float* partial) {
  attend(shape, queries, keys, values, rows, scores, partial);
}

} // namespace

template <>
void attend_block(
    const AttendShape& shape,
    const float* queries,
    const float* keys,
    const float* values,
    int64_t num_rows,
    float* scores,
    float* partial) {
  attend_float(shape, queries, keys, values, num_rows, scores, partial);
}

template <>
void attend_block(
    const AttendShape& shape,
    const float* queries,
    const c10::BFloat16* keys,
    const c10::BFloat16* values,
    int64_t num_rows,
    float* scores,
    float* partial) {
  if (has_attend_avx512(shape)) {
    attend_block_avx512(
        shape, queries, reinterpret_cast<const uint16_t*>(keys),
        reinterpret_cast<const uint16_t*>(values), num_rows, scores, partial);
    return;
  }
  attend_bfloat16(shape, queries, keys, values, num_rows, scores, partial);
}

void join_blocks(
    const float* partial,
    int64_t step,
    int64_t num_blocks,
    int64_t value_width,
    float* out) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t block = 0; block < num_blocks; ++block) {
    largest = std::max(largest, partial[block * step]);
  }
  float sum = 0.0f;
  std::fill_n(out, value_width, 0.0f);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const float* part = partial + block * step;
    const float factor = std::exp(part[0] - largest);
    sum += part[1] * factor;
    for (int64_t c = 0; c < value_width; ++c) {
      out[c] += part[2 + c] * factor;
    }
  }
  for (int64_t c = 0; c < value_width; ++c) {
    out[c] /= sum;
  }
}

} // namespace omni::kernels::cpu
