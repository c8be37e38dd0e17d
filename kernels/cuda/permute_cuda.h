// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of permute.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

template <typename I>
struct SortPairs {
  const I* ids = nullptr; // in [0, E)
  int64_t* rows = nullptr;
  int64_t* places = nullptr;
  int64_t* counts = nullptr;
  int64_t num_pairs = 0; // L k
  int experts_per_row = 0; // k
  int num_experts = 0; // E
};

template <typename T>
struct GatherRows {
  const T* x = nullptr;
  const int64_t* rows = nullptr; // [n]
  T* out = nullptr; // [n, D]
  int64_t num_rows = 0; // n
  int64_t num_given = 0; // L
  int width = 0; // D
};

template <typename T>
struct CombineRows {
  const T* y = nullptr;
  const int64_t* places = nullptr;
  const float* weights = nullptr;
  T* out = nullptr;
  int64_t num_rows = 0; // L
  int experts_per_row = 0; // k
  int width = 0; // D
};

// Of int32 or int64 ids.
template <typename I>
void launch_sort_pairs(const SortPairs<I>& args, Stream stream);
// T float or Bf16.
template <typename T>
void launch_gather_rows(const GatherRows<T>& args, Stream stream);
template <typename T>
void launch_combine_rows(const CombineRows<T>& args, Stream stream);

} // namespace omni::kernels::cuda
