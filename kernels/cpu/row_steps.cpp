// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/row_steps.h"

#include <cmath>

#include "kernels/cpu/half_float.h"
#include "kernels/cpu/simd.h"

namespace omni::kernels::cpu {

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
norm_row(const float* x, const float* weight, float eps, int64_t size, float* out) {
  const float mean = dot(x, x, size) / static_cast<float>(size);
  const float inverse = 1.0f / std::sqrt(mean + eps);
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    out[i] = x[i] * inverse * weight[i];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
add_row(const float* branch, float multiplier, int64_t size, float* sum) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    sum[i] += branch[i] * multiplier;
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
swiglu_row(const float* gate, const float* up, int64_t size, float* out) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) {
    out[i] = gate[i] * sigmoid_fast(gate[i]) * up[i];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void rotate_row(
    const float* cos,
    const float* sin,
    int64_t half,
    bool is_interleaved,
    float* x) {
  if (is_interleaved) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = a * cos[i] - b * sin[i];
      x[2 * i + 1] = b * cos[i] + a * sin[i];
    }
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    x[i] = a * cos[i] - b * sin[i];
    x[half + i] = b * cos[i] + a * sin[i];
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] SoftmaxSum
exponentiate_row(float scale, int64_t size, float* scores) {
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) {
    scores[j] *= scale;
  }
  const float largest = largest_of(scores, size);
#pragma omp simd
  for (int64_t j = 0; j < size; ++j) {
    scores[j] = exp_fast(scores[j] - largest);
  }
  return {largest, sum_of(scores, size)};
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
round_to_bfloat16(const float* x, int64_t size, uint16_t* out) {
  for (int64_t i = 0; i < size; ++i) {
    out[i] = bfloat16_of(x[i]);
  }
}

} // namespace omni::kernels::cpu
