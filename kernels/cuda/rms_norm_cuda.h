// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of rms_norm.cuh and rms_norm_backward.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// A wider row does not fit the shared memory.
inline constexpr int64_t kRmsNormMostWidth = 24 * 1024 - 32;

template <typename T, typename S, typename W>
struct RmsNorm {
  const T* x = nullptr;
  const S* residual = nullptr; // null: the sum is m x
  const W* weight = nullptr;
  T* normed = nullptr; // null: not wanted
  S* sum = nullptr; // null: not wanted; may be `residual`
  int8_t* quantized = nullptr; // null: not wanted
  float* scales = nullptr; // [R], with `quantized`
  int64_t num_rows = 0;
  int width = 0; // D
  float eps = 1e-6f;
  float weight_offset = 0.0f;
  float branch_multiplier = 1.0f; // m
};

// Rows of sums over rows that the backward pass leaves.
inline int64_t rms_norm_backward_parts(int64_t num_rows) {
  return num_rows < 512 ? num_rows : 512;
}

template <typename T, typename S>
struct RmsNormBackward {
  const T* grad_normed = nullptr;
  const S* grad_sum = nullptr; // null: nothing reaches the sum from elsewhere
  const S* sum = nullptr;
  const float* weight = nullptr;
  S* grad_stream = nullptr;
  T* grad_branch = nullptr; // m grad_stream; null: not wanted
  float* weight_sums = nullptr; // [rms_norm_backward_parts(R), D]
  int64_t num_rows = 0;
  int width = 0; // D
  float eps = 1e-6f;
  float weight_offset = 0.0f;
  float branch_multiplier = 1.0f; // m
};

// (T, S, W) one of (float, float, float), (Bf16, Bf16, Bf16), (Bf16, Bf16, float),
// (Bf16, float, float) and (float, Bf16, float).
template <typename T, typename S, typename W>
void launch_rms_norm(const RmsNorm<T, S, W>& args, Stream stream);
// T and S float or Bf16.
template <typename T, typename S>
void launch_rms_norm_backward(const RmsNormBackward<T, S>& args, Stream stream);

} // namespace omni::kernels::cuda
