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

using Eight = Sixteen::Eight;

// Heads that share the loads of a cache row; with four rows of it their sums are twelve
// vectors, which AVX2 has registers for.
constexpr int64_t kHeadsTogether = 3;
constexpr int kRowsTogether = 4;
static_assert(kHeadsTogether <= kHeadsAtOnce);

// sums[0] of a, sums[1] of b, ...
[[gnu::always_inline]] inline void sums_of_four(
    const Eight& a,
    const Eight& b,
    const Eight& c,
    const Eight& d,
    float* sums) {
  const Eight ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
      __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
  const Eight cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13) +
      __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
  const Eight halves = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
      __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
  using Four [[gnu::vector_size(16)]] = float;
  Four low, high;
  std::memcpy(&low, &halves, sizeof(low));
  std::memcpy(
      &high, reinterpret_cast<const char*>(&halves) + sizeof(low), sizeof(high));
  low += high;
  std::memcpy(sums, &low, sizeof(low));
}

// scores[head][0], ... of `Rows` rows; a head's scores lie `step` apart. Unrolled, so
// that the sums stay in registers.
template <int Heads, int Rows, typename T>
[[gnu::always_inline]] inline void score_rows(
    const AttendShape& shape,
    const float* __restrict queries,
    const T* __restrict keys,
    int64_t step,
    float* __restrict scores) {
  Eight sums[Heads][Rows] = {};
  Eight query[Heads], key;
  int64_t i = 0;
  for (; i + kEight <= shape.key_width; i += kEight) {
#pragma GCC unroll 4
    for (int head = 0; head < Heads; ++head) {
      load(queries + head * shape.key_width + i, query[head]);
    }
#pragma GCC unroll 4
    for (int row = 0; row < Rows; ++row) {
      load(keys + row * shape.key_stride + i, key);
#pragma GCC unroll 4
      for (int head = 0; head < Heads; ++head) {
        sums[head][row] += query[head] * key;
      }
    }
  }
#pragma GCC unroll 4
  for (int head = 0; head < Heads; ++head) {
    float* of_head = scores + head * step;
    if constexpr (Rows == 4) {
      sums_of_four(sums[head][0], sums[head][1], sums[head][2], sums[head][3], of_head);
    } else {
      of_head[0] = sum_of(Sixteen{sums[head][0], {}});
    }
    for (int64_t rest = i; rest < shape.key_width; ++rest) {
      for (int row = 0; row < Rows; ++row) {
        of_head[row] += queries[head * shape.key_width + rest] *
            to_float(keys[row * shape.key_stride + rest]);
      }
    }
  }
}

// 8 V columns of the weighted values; a head's weights lie `weight_step` apart, what
// comes of it `out_step`.
template <int Heads, int V, typename T>
[[gnu::always_inline]] inline void weigh_values(
    const AttendShape& shape,
    const float* __restrict weights,
    int64_t weight_step,
    const T* __restrict values,
    int64_t num_rows,
    float* __restrict out,
    int64_t out_step) {
  Eight sums[Heads][V] = {};
  Eight value;
  for (int64_t j = 0; j < num_rows; ++j) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      load(values + j * shape.value_stride + v * kEight, value);
#pragma GCC unroll 4
      for (int head = 0; head < Heads; ++head) {
        sums[head][v] += weights[head * weight_step + j] * value;
      }
    }
  }
#pragma GCC unroll 4
  for (int head = 0; head < Heads; ++head) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      std::memcpy(out + head * out_step + v * kEight, &sums[head][v], sizeof(Eight));
    }
  }
}

// The next `Heads` heads; scores is room for [Heads, num_rows].
template <int Heads, typename T>
[[gnu::always_inline]] inline void attend_heads(
    const AttendShape& shape,
    const float* queries,
    const T* keys,
    const T* values,
    int64_t num_rows,
    float* scores,
    float* partial) {
  int64_t j = 0;
  for (; j + kRowsTogether <= num_rows; j += kRowsTogether) {
    score_rows<Heads, kRowsTogether>(
        shape, queries, keys + j * shape.key_stride, num_rows, scores + j);
  }
  for (; j < num_rows; ++j) {
    score_rows<Heads, 1>(
        shape, queries, keys + j * shape.key_stride, num_rows, scores + j);
  }
  const int64_t step = partial_floats(shape.value_width);
  for (int head = 0; head < Heads; ++head) {
    const SoftmaxSum softmax =
        exponentiate_row(shape.scale, num_rows, scores + head * num_rows);
    partial[head * step] = softmax.largest;
    partial[head * step + 1] = softmax.sum;
  }
  float* out = partial + 2;
  int64_t c = 0;
  constexpr int kVectors = Heads == 1 ? 8 : 4;
  for (; c + kVectors * kEight <= shape.value_width; c += kVectors * kEight) {
    weigh_values<Heads, kVectors>(
        shape, scores, num_rows, values + c, num_rows, out + c, step);
  }
  for (; c + kEight <= shape.value_width; c += kEight) {
    weigh_values<Heads, 1>(
        shape, scores, num_rows, values + c, num_rows, out + c, step);
  }
  for (; c < shape.value_width; ++c) {
    for (int head = 0; head < Heads; ++head) {
      float sum = 0.0f;
      for (j = 0; j < num_rows; ++j) {
        sum +=
            scores[head * num_rows + j] * to_float(values[j * shape.value_stride + c]);
      }
      out[head * step + c] = sum;
    }
  }
}

template <typename T>
[[gnu::always_inline]] inline void attend(
    const AttendShape& shape,
    const float* queries,
    const T* keys,
    const T* values,
    int64_t num_rows,
    float* scores,
    float* partial) {
  for (int64_t head = 0; head < shape.heads_per_group; head += kHeadsTogether) {
    const float* q = queries + head * shape.key_width;
    float* out = partial + head * partial_floats(shape.value_width);
    switch (std::min(kHeadsTogether, shape.heads_per_group - head)) {
      case 1:
        attend_heads<1>(shape, q, keys, values, num_rows, scores, out);
        break;
      case 2:
        attend_heads<2>(shape, q, keys, values, num_rows, scores, out);
        break;
      default:
        attend_heads<3>(shape, q, keys, values, num_rows, scores, out);
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
