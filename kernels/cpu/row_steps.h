// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a token's float32 row goes through between two products. See Note [Row loops] in
// rms_norm_cpu.cpp. No torch.
#pragma once

#include <cstdint>

namespace omni::kernels::cpu {

// out = x / sqrt(mean(x^2) + eps) * weight. out may be x.
void norm_row(const float* x, const float* weight, float eps, int64_t size, float* out);
// sum += multiplier * branch.
void add_row(const float* branch, float multiplier, int64_t size, float* sum);
// out = silu(gate) * up.
void swiglu_row(const float* gate, const float* up, int64_t size, float* out);
// The leading 2 * half entries turn: (a, b) -> (a cos - b sin, b cos + a sin).
void rotate_row(
    const float* cos,
    const float* sin,
    int64_t half,
    bool is_interleaved,
    float* x);
// scores become exp(scale score - largest), `largest` that of scale * score.
struct SoftmaxSum {
  float largest;
  float sum;
};
SoftmaxSum exponentiate_row(float scale, int64_t size, float* scores);
void round_to_bfloat16(const float* x, int64_t size, uint16_t* out);

} // namespace omni::kernels::cpu
