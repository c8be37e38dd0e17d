// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// sums[i] = sum over r of rows[r, i]: the second step of a weight's gradient, of what
// the blocks of the first step have left. The order of the additions is fixed.
// Shapes: rows float32 [R, D], any distance apart; sums of T [D], float32 or bfloat16.
// A thread block: kWarpSize columns, kSumWarps warps a share of the rows each. Bytes an
// entry of rows: 4.
#pragma once

#include "kernels/cuda/column_sums_cuda.h"
#include "kernels/cuda/cuda_types.cuh"

namespace omni::kernels::cuda {

inline constexpr int kSumWarps = 8;

template <typename T>
Launch column_sums_launch(const ColumnSums<T>& args) {
  return {
      ceil_div<int64_t>(args.width, kWarpSize), 1, kSumWarps * kWarpSize,
      kSumWarps * kWarpSize * sizeof(float)};
}

template <typename T>
__global__ void column_sums_kernel(ColumnSums<T> args) {
  float* shares = shared_memory<float>();
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int64_t column = int64_t{blockIdx.x} * kWarpSize + lane;
  float sum = 0.0f;
  for (int64_t row = warp; row < args.num_rows && column < args.width;
       row += kSumWarps) {
    sum += args.rows[row * args.row_stride + column];
  }
  shares[threadIdx.x] = sum;
  __syncthreads();
  if (warp == 0 && column < args.width) {
    for (int other = 1; other < kSumWarps; ++other) {
      sum += shares[other * kWarpSize + lane];
    }
    args.sums[column] = from_float<T>(sum);
  }
}

} // namespace omni::kernels::cuda
