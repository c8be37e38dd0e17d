// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of column_sums.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

template <typename T>
struct ColumnSums {
  const float* rows = nullptr;
  T* sums = nullptr; // [D]
  int64_t num_rows = 0; // R
  int64_t row_stride = 0; // entries
  int64_t width = 0; // D
};

// T float or Bf16.
template <typename T>
void launch_column_sums(const ColumnSums<T>& args, Stream stream);

} // namespace omni::kernels::cuda
