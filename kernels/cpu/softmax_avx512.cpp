// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Two passes over the scores: the largest, then everything else. Plain loops of the
// same take three more, which was a quarter of the time of attention over 1,024 rows.
#include "kernels/cpu/softmax_avx512.h"

#include <immintrin.h>

namespace omni::kernels::cpu {
namespace {

// 2^x for x <= 0: 2^r for |r| <= 1/2 by the first six terms of its series, of which the
// next is 2e-6. What is 0 anyway, minus infinity too, is kept from becoming a NaN.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512 power_of_two(
    __m512 power) {
  const __m512 x = _mm512_max_ps(_mm512_set1_ps(-160.0f), power); // a NaN stays one
  const __m512 whole =
      _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 r = _mm512_sub_ps(x, whole);
  __m512 p = _mm512_set1_ps(1.33335581e-3f); // ln(2)^5 / 5!
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.61812911e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.55041087e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.40226507e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.93147181e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, whole);
}

// What runs through a row.
struct Row {
  __m512 factor; // scores times this are powers of two
  __m512 largest; // of these
  __m512 sum;
};

[[gnu::target("avx512f"), gnu::always_inline]] inline void
find_largest(const float* scores, __mmask16 lanes, Row& row) {
  const __m512 power = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, scores), row.factor);
  row.largest = _mm512_mask_max_ps(row.largest, lanes, row.largest, power);
}

[[gnu::target("avx512f,avx512vl,avx512bw,avx512bf16"), gnu::always_inline]] inline void
weigh(const float* scores, __mmask16 lanes, uint16_t* weights, Row& row) {
  const __m512 weight = power_of_two(
      _mm512_fmsub_ps(_mm512_maskz_loadu_ps(lanes, scores), row.factor, row.largest));
  row.sum = _mm512_mask_add_ps(row.sum, lanes, row.sum, weight);
  _mm256_mask_storeu_epi16(
      weights, lanes, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(weight)));
}

} // namespace

[[gnu::target("avx512f,avx512vl,avx512bw,avx512bf16")]] float softmax_weights_avx512(
    float scale,
    int64_t size,
    const float* scores,
    uint16_t* weights) {
  constexpr float kLog2E = 1.44269504f;
  constexpr __mmask16 kAll = 0xffff;
  const int64_t whole = size / 16 * 16;
  const auto rest = static_cast<__mmask16>((1U << (size - whole)) - 1);
  Row row{
      _mm512_set1_ps(scale * kLog2E), _mm512_set1_ps(-__builtin_inff()),
      _mm512_setzero_ps()};
  for (int64_t i = 0; i < whole; i += 16) {
    find_largest(scores + i, kAll, row);
  }
  find_largest(scores + whole, rest, row);
  row.largest = _mm512_set1_ps(_mm512_reduce_max_ps(row.largest));
  for (int64_t i = 0; i < whole; i += 16) {
    weigh(scores + i, kAll, weights + i, row);
  }
  weigh(scores + whole, rest, weights + whole, row);
  return _mm512_reduce_add_ps(row.sum);
}

} // namespace omni::kernels::cpu
