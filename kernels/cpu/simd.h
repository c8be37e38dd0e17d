// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the row loops of cpu/ are made of: plain inline functions that the compiler
// vectorises. A loop function carries [[gnu::target_clones(...)]] for AVX-512, AVX2 and the
// baseline; the loader picks one at start. Everything a clone calls is inlined into it, so
// these carry [[gnu::always_inline]]. See Note [Row loops] in rms_norm_cpu.cpp.
#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>

namespace omni::kernels::cpu {

[[gnu::always_inline]] inline float to_float(float value) {
  return value;
}

[[gnu::always_inline]] inline float to_float(c10::BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.x) << 16);
}

// Rounds to nearest even; NaN stays NaN.
template <typename T>
[[gnu::always_inline]] inline T from_float(float value) {
  if constexpr (std::is_same_v<T, float>) {
    return value;
  } else {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    return T(
        static_cast<uint16_t>(is_nan ? 0x7FC0u : rounded), c10::BFloat16::from_bits());
  }
}

// Nearest integer, half to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no fraction bits.
[[gnu::always_inline]] inline float round_small(float x) {
  constexpr float kMagic = 12582912.0f;
  return (x + kMagic) - kMagic;
}

// e^x within 2 ulp on [-87, 88]; below it is e^-87 or less, above e^88. Range reduction by
// ln 2 in two parts and the degree-6 polynomial of Cephes' expf.
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

} // namespace omni::kernels::cpu
