// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/attend_rows_avx512.h"

#include <immintrin.h>

#include <algorithm>

#include "kernels/cpu/avx512_floats.h"
#include "kernels/cpu/row_steps.h"

namespace omni::kernels::cpu {
namespace {

// Of a key, whose rounded queries are on the stack; latent caches have 576 (512 + 64).
constexpr int64_t kMostWidth = 1024;

// scores[head][j] of `heads` heads, queries bfloat16 [heads, K].
template <int Heads>
[[gnu::target("avx512f,avx512bf16")]] void score_rows(
    const AttendShape& shape,
    const uint16_t* queries,
    const uint16_t* keys,
    int64_t num_rows,
    float* scores) {
  for (int64_t j = 0; j < num_rows; ++j) {
    const uint16_t* key = keys + j * shape.key_stride;
    __m512 sums[Heads];
#pragma GCC unroll 4
    for (int head = 0; head < Heads; ++head) {
      sums[head] = _mm512_setzero_ps();
    }
    for (int64_t i = 0; i < shape.key_width; i += 32) {
      const auto k = reinterpret_cast<__m512bh>(_mm512_loadu_si512(key + i));
#pragma GCC unroll 4
      for (int head = 0; head < Heads; ++head) {
        const auto q = reinterpret_cast<__m512bh>(
            _mm512_loadu_si512(queries + head * shape.key_width + i));
        sums[head] = _mm512_dpbf16_ps(sums[head], k, q);
      }
    }
#pragma GCC unroll 4
    for (int head = 0; head < Heads; ++head) {
      scores[head * num_rows + j] = _mm512_reduce_add_ps(sums[head]);
    }
  }
}

// 16 V columns of the weighted values of `Heads` heads, `step` floats from head to
// head.
template <int Heads, int V>
[[gnu::target("avx512f")]] void weigh_values(
    const AttendShape& shape,
    const float* weights, // [Heads, num_rows]
    const uint16_t* values,
    int64_t num_rows,
    float* out,
    int64_t step) {
  __m512 sums[Heads][V];
#pragma GCC unroll 4
  for (int head = 0; head < Heads; ++head) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sums[head][v] = _mm512_setzero_ps();
    }
  }
  for (int64_t j = 0; j < num_rows; ++j) {
    const uint16_t* value = values + j * shape.value_stride;
    __m512 row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      row[v] = floats_of_bfloat16(value + v * 16);
    }
#pragma GCC unroll 4
    for (int head = 0; head < Heads; ++head) {
      const __m512 weight = _mm512_set1_ps(weights[head * num_rows + j]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        sums[head][v] = _mm512_fmadd_ps(weight, row[v], sums[head][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int head = 0; head < Heads; ++head) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      _mm512_storeu_ps(out + head * step + v * 16, sums[head][v]);
    }
  }
}

template <int Heads>
void weigh_all_values(
    const AttendShape& shape,
    const float* weights,
    const uint16_t* values,
    int64_t num_rows,
    float* out,
    int64_t step) {
  for (int64_t c = 0; c < shape.value_width; c += 64) {
    switch (std::min<int64_t>(4, (shape.value_width - c) / 16)) {
      case 1:
        weigh_values<Heads, 1>(shape, weights, values + c, num_rows, out + c, step);
        break;
      case 2:
        weigh_values<Heads, 2>(shape, weights, values + c, num_rows, out + c, step);
        break;
      case 3:
        weigh_values<Heads, 3>(shape, weights, values + c, num_rows, out + c, step);
        break;
      default:
        weigh_values<Heads, 4>(shape, weights, values + c, num_rows, out + c, step);
    }
  }
}

// The next `Heads` heads; queries float32, scores room for [Heads, num_rows].
template <int Heads>
void attend_heads(
    const AttendShape& shape,
    const float* queries,
    const uint16_t* keys,
    const uint16_t* values,
    int64_t num_rows,
    float* scores,
    float* partial) {
  alignas(64) uint16_t rounded[kHeadsAtOnce * kMostWidth];
  round_to_bfloat16(queries, Heads * shape.key_width, rounded);
  score_rows<Heads>(shape, rounded, keys, num_rows, scores);
  const int64_t step = partial_floats(shape.value_width);
  for (int head = 0; head < Heads; ++head) {
    const SoftmaxSum softmax =
        exponentiate_row(shape.scale, num_rows, scores + head * num_rows);
    partial[head * step] = softmax.largest;
    partial[head * step + 1] = softmax.sum;
  }
  weigh_all_values<Heads>(shape, scores, values, num_rows, partial + 2, step);
}

} // namespace

bool has_attend_avx512(const AttendShape& shape) {
  static const bool has_instructions =
      __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512f");
  return has_instructions && shape.key_width % 32 == 0 &&
      shape.key_width <= kMostWidth && shape.value_width % 16 == 0;
}

void attend_block_avx512(
    const AttendShape& shape,
    const float* queries,
    const uint16_t* keys,
    const uint16_t* values,
    int64_t num_rows,
    float* scores,
    float* partial) {
  for (int64_t head = 0; head < shape.heads_per_group; head += kHeadsAtOnce) {
    const float* q = queries + head * shape.key_width;
    float* out = partial + head * partial_floats(shape.value_width);
    switch (std::min<int64_t>(kHeadsAtOnce, shape.heads_per_group - head)) {
      case 1:
        attend_heads<1>(shape, q, keys, values, num_rows, scores, out);
        break;
      case 2:
        attend_heads<2>(shape, q, keys, values, num_rows, scores, out);
        break;
      case 3:
        attend_heads<3>(shape, q, keys, values, num_rows, scores, out);
        break;
      default:
        attend_heads<4>(shape, q, keys, values, num_rows, scores, out);
    }
  }
}

} // namespace omni::kernels::cpu
