// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the row loops of cpu/ are made of: plain inline functions that the compiler
// vectorises. A loop function carries [[gnu::target_clones(...)]] for AVX-512, AVX2 and
// the baseline; the loader picks one at start. Everything a clone calls is inlined into
// it, so these carry [[gnu::always_inline]]. See Note [Row loops] in rms_norm_cpu.cpp.
#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/cpu/half_float.h"

namespace omni::kernels::cpu {

[[gnu::always_inline]] inline float to_float(float value) {
  return value;
}

[[gnu::always_inline]] inline float to_float(c10::BFloat16 value) {
  return float_of_bfloat16(value.x);
}

// Rounds to nearest even; NaN stays NaN.
template <typename T>
[[gnu::always_inline]] inline T from_float(float value) {
  if constexpr (std::is_same_v<T, float>) {
    return value;
  } else {
    return T(bfloat16_of(value), c10::BFloat16::from_bits());
  }
}

// Nearest integer, half to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no fraction
// bits.
[[gnu::always_inline]] inline float round_small(float x) {
  constexpr float kMagic = 12582912.0f;
  return (x + kMagic) - kMagic;
}

// e^x within 2 ulp on [-87, 88]; below it is e^-87 or less, above e^88. Range reduction
// by ln 2 in two parts and the degree-6 polynomial of Cephes' expf.
[[gnu::always_inline]] inline float exp_fast(float x) {
  const float low = x < -87.3f ? -87.3f : x;
  const float clamped = low > 88.3f ? 88.3f : low;
  const float n = round_small(clamped * 1.44269504088896341f);
  const float r = (clamped - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const auto exponent = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  return p * std::bit_cast<float>(exponent);
}

[[gnu::always_inline]] inline float sigmoid_fast(float x) {
  return 1.0f / (1.0f + exp_fast(-x));
}

// Within 2e-7 of tanh.
[[gnu::always_inline]] inline float tanh_fast(float x) {
  return 1.0f - 2.0f / (1.0f + exp_fast(2.0f * x));
}

// Phi(x), the share of a normal distribution below x, within 3e-7 and within 2e-5 of
// itself: erfc by a polynomial of t = 1 / (1 + |x| / sqrt(8)) in the exponent
// (Numerical Recipes, section 6.2).
[[gnu::always_inline]] inline float normal_share_fast(float x) {
  const float z = (x < 0.0f ? -x : x) * 0.707106781186548f;
  const float t = 1.0f / (1.0f + 0.5f * z);
  float p = 0.17087277f;
  p = p * t - 0.82215223f;
  p = p * t + 1.48851587f;
  p = p * t - 1.13520398f;
  p = p * t + 0.27886807f;
  p = p * t - 0.18628806f;
  p = p * t + 0.09678418f;
  p = p * t + 0.37409196f;
  p = p * t + 1.00002368f;
  p = p * t - 1.26551223f;
  const float beyond = 0.5f * t * exp_fast(p - z * z);
  return x < 0.0f ? beyond : 1.0f - beyond;
}

// Sixteen floats as two vectors of eight, which AVX2 holds in registers and AVX-512
// runs as fast as memory gives: for sums over a row, that the compiler may not reorder
// by itself. Passed by reference, for vectors by value have no common ABI among the
// clones.
struct Sixteen {
  using Eight [[gnu::vector_size(32)]] = float;
  Eight low = {};
  Eight high = {};
};

inline constexpr int64_t kEight = 8, kLanes = 16;

[[gnu::always_inline]] inline void load(const float* from, Sixteen::Eight& to) {
  std::memcpy(&to, from, sizeof(to));
}

[[gnu::always_inline]] inline void load(const c10::BFloat16* from, Sixteen::Eight& to) {
  using EightWords [[gnu::vector_size(32)]] = uint32_t;
  // Entry by entry: GCC 12 makes one widening load of it, of __builtin_convertvector
  // five instructions.
  const EightWords words = EightWords{from[0].x, from[1].x, from[2].x, from[3].x,
                                      from[4].x, from[5].x, from[6].x, from[7].x}
      << 16;
  std::memcpy(&to, &words, sizeof(to));
}

template <typename T>
[[gnu::always_inline]] inline void load(const T* from, Sixteen& to) {
  load(from, to.low);
  load(from + kEight, to.high);
}

[[gnu::always_inline]] inline float sum_of(const Sixteen& v) {
  float parts[8];
  const Sixteen::Eight both = v.low + v.high;
  std::memcpy(parts, &both, sizeof(parts));
  return ((parts[0] + parts[4]) + (parts[1] + parts[5])) +
      ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

// sum a[i] b[i].
template <typename A, typename B>
[[gnu::always_inline]] inline float dot(const A* a, const B* b, int64_t size) {
  Sixteen sum, x, y;
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    load(a + i, x);
    load(b + i, y);
    sum.low += x.low * y.low;
    sum.high += x.high * y.high;
  }
  float total = sum_of(sum);
  for (; i < size; ++i) {
    total += to_float(a[i]) * to_float(b[i]);
  }
  return total;
}

[[gnu::always_inline]] inline float sum_of(const float* a, int64_t size) {
  Sixteen sum, x;
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    load(a + i, x);
    sum.low += x.low;
    sum.high += x.high;
  }
  float total = sum_of(sum);
  for (; i < size; ++i) {
    total += a[i];
  }
  return total;
}

// The largest, -infinity of none.
[[gnu::always_inline]] inline float largest_of(const float* a, int64_t size) {
  constexpr float kLeast = -std::numeric_limits<float>::infinity();
  Sixteen largest, x;
  largest.low = kLeast - largest.low;
  largest.high = largest.low;
  int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    load(a + i, x);
    largest.low = x.low > largest.low ? x.low : largest.low;
    largest.high = x.high > largest.high ? x.high : largest.high;
  }
  const Sixteen::Eight both = largest.low > largest.high ? largest.low : largest.high;
  float result = kLeast;
  for (int lane = 0; lane < 8; ++lane) {
    result = both[lane] > result ? both[lane] : result;
  }
  for (; i < size; ++i) {
    result = a[i] > result ? a[i] : result;
  }
  return result;
}

} // namespace omni::kernels::cpu
