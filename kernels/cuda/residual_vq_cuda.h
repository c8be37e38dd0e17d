// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of residual_vq.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

template <typename T>
struct ResidualVq {
  const T* values = nullptr;
  const float* codebooks = nullptr;
  int64_t* codes = nullptr;
  int64_t num_rows = 0; // R
  int num_stages = 0; // Q
  int num_codewords = 0; // N >= 1
  int width = 0; // C
};

template <typename T>
struct ResidualVqDecode {
  const int64_t* codes = nullptr; // in [0, N), or the device stops
  const float* codebooks = nullptr;
  T* values = nullptr;
  int64_t num_rows = 0;
  int num_stages = 0;
  int num_codewords = 0;
  int width = 0;
};

// A wider row does not fit the shared memory.
inline constexpr int64_t kVqMostWidth = 6 * 1024 - 64;

// T float or Bf16.
template <typename T>
void launch_residual_vq_encode(const ResidualVq<T>& args, Stream stream);
template <typename T>
void launch_residual_vq_decode(const ResidualVqDecode<T>& args, Stream stream);

} // namespace omni::kernels::cuda
