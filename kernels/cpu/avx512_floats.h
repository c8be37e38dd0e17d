// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bfloat16 as float32 in vectors of AVX-512. No torch.
#pragma once

#include <immintrin.h>

namespace omni::kernels::cpu {

// Of 16 bfloat16 numbers side by side.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512 floats_of_bfloat16(
    const void* from) {
  const __m256i bits = _mm256_loadu_si256(static_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

} // namespace omni::kernels::cpu
