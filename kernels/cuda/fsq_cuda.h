// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of fsq.cuh.
#pragma once

#include <cmath>

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// Levels are at least 2, and their product fits int64.
inline constexpr int kFsqMostDims = 62;

// The constants of each dimension; made on the host, passed by value.
struct FsqGrid {
  int dims = 0;
  int64_t level[kFsqMostDims] = {};
  float half[kFsqMostDims] = {};
  float offset[kFsqMostDims] = {};
  float shift[kFsqMostDims] = {};
};

// `levels`: `dims` counts >= 2 whose product fits int64.
inline FsqGrid fsq_grid(const int64_t* levels, int dims) {
  FsqGrid grid;
  grid.dims = dims;
  for (int i = 0; i < dims; ++i) {
    // Widened a little, so that finite values reach the ends of the grid.
    const double half = static_cast<double>(levels[i] - 1) * (1.0 + 1e-3) / 2.0;
    const double offset = levels[i] % 2 == 0 ? 0.5 : 0.0;
    grid.level[i] = levels[i];
    grid.half[i] = static_cast<float>(half);
    grid.offset[i] = static_cast<float>(offset);
    grid.shift[i] = static_cast<float>(std::atanh(offset / half));
  }
  return grid;
}

// T float or Bf16; values [R, dims], codes [R].
template <typename T>
void launch_fsq_encode(
    const T* values,
    int64_t* codes,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream);
template <typename T>
void launch_fsq_quantize(
    const T* values,
    T* out,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream);
template <typename T>
void launch_fsq_quantize_backward(
    const T* grad,
    const T* values,
    T* out,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream);
void launch_fsq_decode(
    const int64_t* codes,
    float* values,
    int64_t num_rows,
    const FsqGrid& grid,
    Stream stream);

} // namespace omni::kernels::cuda
