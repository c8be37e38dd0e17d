// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// float16 and bfloat16 as the 16 bits they are stored in. No torch.
#pragma once

#include <bit>
#include <cstdint>

namespace omni::kernels::cpu {

[[gnu::always_inline]] inline float float_of_bfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Rounds to nearest even; NaN stays NaN.
[[gnu::always_inline]] inline uint16_t bfloat16_of(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return static_cast<uint16_t>(is_nan ? 0x7FC0u : rounded);
}

// Of finite values and zeros; subnormal ones too.
inline float float_of_float16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t rest = bits & 0x7FFFu;
  // A float16 exponent is 112 less than a float32 one: the product sets that right.
  const float magnitude = std::bit_cast<float>(rest << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
}

// The nearest float16 of a value in [0, 65504], halves to even.
inline uint16_t float16_of(float value) {
  if (value < 0x1p-14f) { // subnormal: units of 2^-24
    const float magic = 0x1p-1f; // whose last bit is 2^-24
    return static_cast<uint16_t>(
        std::bit_cast<uint32_t>(value + magic) - std::bit_cast<uint32_t>(magic));
  }
  const uint32_t bits = std::bit_cast<uint32_t>(value) - (112u << 23);
  return static_cast<uint16_t>((bits + 0xFFFu + ((bits >> 13) & 1u)) >> 13);
}

} // namespace omni::kernels::cpu
