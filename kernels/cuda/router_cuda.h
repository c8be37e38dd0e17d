// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of router.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

struct Router {
  const float* logits = nullptr;
  const float* bias = nullptr; // [E], for the choice alone; null: none
  int64_t* ids = nullptr;
  float* weights = nullptr;
  int64_t num_rows = 0; // L
  int num_experts = 0; // E
  int experts_per_row = 0; // k <= experts in the kept groups
  int num_groups = 1; // divides E
  int kept_groups = 1;
  bool has_soft_groups = false; // other groups' choice scores are 0, not -infinity
  bool has_normalized_weights = false;
  float weight_scale = 1.0f;
};

// What a block has of shared memory, four rows at a time, must hold these floats a row.
inline constexpr int64_t kRouterMostFloats = 6 * 1024;
inline int64_t router_floats(int64_t num_experts, int64_t num_groups) {
  return 2 * num_experts + num_groups;
}

void launch_router(bool is_softmax, const Router& args, Stream stream);

} // namespace omni::kernels::cuda
