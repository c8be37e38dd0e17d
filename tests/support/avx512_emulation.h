// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Included before a source with AVX-512 intrinsics: they become loops over elements, so
// that such a source runs on a processor without them and is tested there. Arithmetic
// is that of the instructions as Intel's manual says, but that a fused product is
// rounded as std::fma does and the two of dpbf16 are added one by one.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

// <immintrin.h> is taken to have been read.
#define _IMMINTRIN_H_INCLUDED

using __m256i = long long __attribute__((vector_size(32), aligned(32), may_alias));
using __m512 = float __attribute__((vector_size(64), may_alias));
using __m512i = long long __attribute__((vector_size(64), may_alias));
using __m512bh = short __attribute__((vector_size(64), may_alias));
using __m256bh = short __attribute__((vector_size(32), may_alias));
using __mmask16 = unsigned short;

namespace omni::test::avx512 {

template <typename T, typename Vector>
struct Elements {
  static constexpr int kCount = sizeof(Vector) / sizeof(T);
  T at[kCount];
};

template <typename T, typename Vector>
Elements<T, Vector> of(const Vector& vector) {
  return std::bit_cast<Elements<T, Vector>>(vector);
}

// Element by element: f(i) gives the i-th.
template <typename T, typename Vector, typename F>
Vector make(const F& f) {
  Elements<T, Vector> made;
  for (int i = 0; i < made.kCount; ++i) {
    made.at[i] = static_cast<T>(f(i));
  }
  return std::bit_cast<Vector>(made);
}

template <typename Vector>
Vector load(const void* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

inline float from_bfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

template <typename F>
__m512 floats(const F& f) {
  return make<float, __m512>(f);
}

inline bool has(__mmask16 lanes, int i) {
  return (lanes >> i & 1) != 0;
}

} // namespace omni::test::avx512

namespace emulated = omni::test::avx512;

inline __m512 _mm512_setzero_ps() {
  return emulated::floats([](int) { return 0.0f; });
}
inline __m512 _mm512_set1_ps(float x) {
  return emulated::floats([&](int) { return x; });
}
inline __m512i _mm512_setzero_si512() {
  return __m512i{};
}
inline __m512i _mm512_set1_epi32(int x) {
  return emulated::make<int32_t, __m512i>([&](int) { return x; });
}
inline __m512i _mm512_set1_epi8(char x) {
  return emulated::make<int8_t, __m512i>([&](int) { return x; });
}
inline __m256i _mm256_set1_epi16(short x) {
  return emulated::make<int16_t, __m256i>([&](int) { return x; });
}
inline __m512i _mm512_loadu_si512(const void* from) {
  return emulated::load<__m512i>(from);
}
inline __m256i _mm256_loadu_si256(const __m256i* from) {
  return emulated::load<__m256i>(from);
}
inline void _mm512_storeu_ps(void* to, __m512 x) {
  std::memcpy(to, &x, sizeof(x));
}
// Memory behind the lanes is not read.
inline __m512 _mm512_maskz_loadu_ps(__mmask16 lanes, const void* from) {
  return emulated::floats([&](int i) {
    float x = 0.0f;
    if (emulated::has(lanes, i)) {
      std::memcpy(&x, static_cast<const float*>(from) + i, sizeof(x));
    }
    return x;
  });
}
inline void _mm256_mask_storeu_epi16(void* to, __mmask16 lanes, __m256i x) {
  const auto from = emulated::of<uint16_t>(x);
  for (int i = 0; i < from.kCount; ++i) {
    if (emulated::has(lanes, i)) {
      std::memcpy(static_cast<uint16_t*>(to) + i, from.at + i, sizeof(uint16_t));
    }
  }
}

inline __m512i _mm512_and_si512(__m512i a, __m512i b) {
  return a & b;
}
inline __m256i _mm256_and_si256(__m256i a, __m256i b) {
  return a & b;
}
inline __m512i _mm512_srli_epi16(__m512i a, unsigned by) {
  const auto x = emulated::of<uint16_t>(a);
  return emulated::make<uint16_t, __m512i>([&](int i) { return x.at[i] >> by; });
}
inline __m256i _mm256_srli_epi16(__m256i a, int by) {
  const auto x = emulated::of<uint16_t>(a);
  return emulated::make<uint16_t, __m256i>([&](int i) { return x.at[i] >> by; });
}
inline __m512i _mm512_slli_epi32(__m512i a, unsigned by) {
  const auto x = emulated::of<uint32_t>(a);
  return emulated::make<uint32_t, __m512i>([&](int i) { return x.at[i] << by; });
}
inline __m512 _mm512_castsi512_ps(__m512i a) {
  return std::bit_cast<__m512>(a);
}
inline __m512i _mm512_cvtepu16_epi32(__m256i a) {
  const auto x = emulated::of<uint16_t>(a);
  return emulated::make<uint32_t, __m512i>([&](int i) { return x.at[i]; });
}
inline __m512 _mm512_cvtepi32_ps(__m512i a) {
  const auto x = emulated::of<int32_t>(a);
  return emulated::floats([&](int i) { return x.at[i]; });
}
inline __m512 _mm512_cvtph_ps(__m256i a) {
  const auto x = emulated::of<uint16_t>(a);
  return emulated::floats([&](int i) {
    const int exponent = x.at[i] >> 10 & 31, rest = x.at[i] & 1023;
    const double size = exponent == 0 ? std::ldexp(rest, -24)
        : exponent == 31              ? (rest == 0 ? HUGE_VAL : std::nan(""))
                                      : std::ldexp(1024 + rest, exponent - 25);
    return static_cast<float>((x.at[i] & 0x8000) != 0 ? -size : size);
  });
}
// To nearest even; subnormal numbers are not flushed here, a NaN stays one.
inline __m256bh _mm512_cvtneps_pbh(__m512 a) {
  const auto x = emulated::of<uint32_t>(a);
  return emulated::make<uint16_t, __m256bh>([&](int i) {
    const uint32_t bits = x.at[i];
    const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return is_nan ? bits >> 16 | 0x40u : (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  });
}

template <typename F>
__m512 of_three(__m512 a, __m512 b, __m512 c, const F& f) {
  return emulated::floats([&](int i) { return f(a[i], b[i], c[i]); });
}
inline __m512 _mm512_mul_ps(__m512 a, __m512 b) {
  return a * b;
}
inline __m512 _mm512_sub_ps(__m512 a, __m512 b) {
  return a - b;
}
inline __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  return of_three(a, b, c, [](float x, float y, float z) { return std::fma(x, y, z); });
}
inline __m512 _mm512_fmsub_ps(__m512 a, __m512 b, __m512 c) {
  return of_three(
      a, b, c, [](float x, float y, float z) { return std::fma(x, y, -z); });
}
inline __m512 _mm512_fnmadd_ps(__m512 a, __m512 b, __m512 c) {
  return of_three(
      a, b, c, [](float x, float y, float z) { return std::fma(-x, y, z); });
}
// The second where either is a NaN.
inline __m512 _mm512_max_ps(__m512 a, __m512 b) {
  return emulated::floats([&](int i) { return a[i] > b[i] ? a[i] : b[i]; });
}
inline __m512 _mm512_mask_max_ps(__m512 rest, __mmask16 lanes, __m512 a, __m512 b) {
  const __m512 largest = _mm512_max_ps(a, b);
  return emulated::floats(
      [&](int i) { return emulated::has(lanes, i) ? largest[i] : rest[i]; });
}
inline __m512 _mm512_mask_add_ps(__m512 rest, __mmask16 lanes, __m512 a, __m512 b) {
  return emulated::floats(
      [&](int i) { return emulated::has(lanes, i) ? a[i] + b[i] : rest[i]; });
}
inline float _mm512_reduce_add_ps(__m512 a) { // halves on halves
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      a[i] += a[i + half];
    }
  }
  return a[0];
}
inline float _mm512_reduce_max_ps(__m512 a) {
  float largest = a[0];
  for (int i = 1; i < 16; ++i) {
    largest = a[i] > largest ? a[i] : largest;
  }
  return largest;
}
constexpr int _MM_FROUND_TO_NEAREST_INT = 0;
constexpr int _MM_FROUND_NO_EXC = 8;
inline __m512 _mm512_roundscale_ps(__m512 a, int /*to_nearest*/) {
  return emulated::floats([&](int i) { return std::nearbyint(a[i]); });
}
inline __m512 _mm512_scalef_ps(__m512 a, __m512 b) {
  return emulated::floats([&](int i) {
    return std::isnan(b[i]) ? b[i]
                            : std::ldexp(a[i], static_cast<int>(std::floor(b[i])));
  });
}

inline __m512 _mm512_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b) {
  const auto x = emulated::of<uint16_t>(a), y = emulated::of<uint16_t>(b);
  return emulated::floats([&](int i) {
    float total = sum[i];
    for (int j = 2 * i + 1; j >= 2 * i; --j) {
      total = std::fma(
          emulated::from_bfloat16(x.at[j]), emulated::from_bfloat16(y.at[j]), total);
    }
    return total;
  });
}
inline __m512i _mm512_dpbusd_epi32(__m512i sum, __m512i a, __m512i b) {
  const auto total = emulated::of<int32_t>(sum);
  const auto x = emulated::of<uint8_t>(a);
  const auto y = emulated::of<int8_t>(b);
  return emulated::make<int32_t, __m512i>([&](int i) {
    int32_t whole = total.at[i];
    for (int j = 4 * i; j < 4 * i + 4; ++j) {
      whole += x.at[j] * y.at[j];
    }
    return whole;
  });
}

// The source's functions beside those of the library, for any processor.
#define avx512_products emulated_avx512_products
#define has_attend_avx512 emulated_has_attend_avx512
#define attend_block_avx512 emulated_attend_block_avx512
#define softmax_weights_avx512 emulated_softmax_weights_avx512
#define __builtin_cpu_supports(feature) true
#define target(features) unused
