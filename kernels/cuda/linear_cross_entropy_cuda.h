// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of linear_cross_entropy.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

template <typename T>
struct CrossEntropyRows {
  T* logits = nullptr;
  const int64_t* targets = nullptr; // in [0, V); else the device stops
  const float* row_weights = nullptr; // [R]; null: 1
  float* losses = nullptr;
  int64_t num_rows = 0; // R
  int vocab = 0; // V
  float multiplier = 1.0f; // m
  float z_loss = 0.0f; // z
  bool has_gradient = false;
};

// T float or Bf16.
template <typename T>
void launch_cross_entropy(const CrossEntropyRows<T>& args, Stream stream);

} // namespace omni::kernels::cuda
