// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A row of scores as the weights of values, for a processor with AVX-512 and bfloat16
// (avx512_products() is there). No torch.
#pragma once

#include <cstdint>

namespace omni::kernels::cpu {

// weights = exp(scale score - the largest of that) as bfloat16 bits; returns their sum,
// taken in float32 before they are rounded. Within 3e-6 of exp, relative. size > 0.
float softmax_weights_avx512(
    float scale,
    int64_t size,
    const float* scores,
    uint16_t* weights);

} // namespace omni::kernels::cpu
