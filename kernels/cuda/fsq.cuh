// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Finite scalar quantisation (arXiv 2309.15505): q = round(tanh(v + shift) half -
// offset), code = sum (q + l / 2) radix; back: (digit - l / 2) / (l / 2). quantize does
// both; its backward pass is that of the bounded values before rounding.
// Shapes: values [R, dims] -> codes int64 [R]; codes -> values [R, dims]; quantize
// [R, dims] -> [R, dims].
// dtypes: values float32 or bfloat16 both ways; arithmetic in float32.
// A thread block: kFsqThreads rows, a thread a row (dims is a handful). Bytes an entry:
// sizeof(T) + 8 / dims; quantize 2 sizeof(T), backward 3 sizeof(T).
#pragma once

#include "kernels/cuda/cuda_types.cuh"
#include "kernels/cuda/fsq_cuda.h"

namespace omni::kernels::cuda {

inline constexpr unsigned kFsqThreads = 128;

inline Launch fsq_launch(int64_t num_rows) {
  return {ceil_div<int64_t>(num_rows, kFsqThreads), 1, kFsqThreads, 0};
}

// Before rounding.
__device__ inline float fsq_bounded(const FsqGrid& grid, int i, float value) {
  return tanhf(value + grid.shift[i]) * grid.half[i] - grid.offset[i];
}

// A NaN gets a digit of the grid too: a code is always one of the codebook.
template <typename T>
__global__ void
fsq_encode_kernel(const T* values, int64_t* codes, int64_t num_rows, FsqGrid grid) {
  const int64_t row = int64_t{blockIdx.x} * kFsqThreads + threadIdx.x;
  if (row >= num_rows) {
    return;
  }
  int64_t code = 0, radix = 1;
  for (int i = 0; i < grid.dims; ++i) {
    const float value = to_float(values[row * grid.dims + i]);
    const float digit =
        rintf(fsq_bounded(grid, i, value)) + static_cast<float>(grid.level[i] / 2);
    const float most = static_cast<float>(grid.level[i] - 1);
    code += static_cast<int64_t>(fminf(fmaxf(digit, 0.0f), most)) * radix;
    radix *= grid.level[i];
  }
  codes[row] = code;
}

// Codes in [0, product of the levels), which the caller has checked.
template <typename T>
__global__ void
fsq_decode_kernel(const int64_t* codes, T* values, int64_t num_rows, FsqGrid grid) {
  const int64_t row = int64_t{blockIdx.x} * kFsqThreads + threadIdx.x;
  if (row >= num_rows) {
    return;
  }
  int64_t rest = codes[row];
  for (int i = 0; i < grid.dims; ++i) {
    const int64_t level = grid.level[i], digit = rest % level;
    values[row * grid.dims + i] = from_float<T>(
        static_cast<float>(digit - level / 2) / static_cast<float>(level / 2));
    rest /= level;
  }
}

template <typename T>
__global__ void
fsq_quantize_kernel(const T* values, T* out, int64_t num_rows, FsqGrid grid) {
  const int64_t row = int64_t{blockIdx.x} * kFsqThreads + threadIdx.x;
  if (row >= num_rows) {
    return;
  }
  for (int i = 0; i < grid.dims; ++i) {
    const int64_t place = row * grid.dims + i;
    const float digit = rintf(fsq_bounded(grid, i, to_float(values[place])));
    out[place] = from_float<T>(digit / static_cast<float>(grid.level[i] / 2));
  }
}

template <typename T>
__global__ void fsq_quantize_backward_kernel(
    const T* grad,
    const T* values,
    T* out,
    int64_t num_rows,
    FsqGrid grid) {
  const int64_t row = int64_t{blockIdx.x} * kFsqThreads + threadIdx.x;
  if (row >= num_rows) {
    return;
  }
  for (int i = 0; i < grid.dims; ++i) {
    const int64_t place = row * grid.dims + i;
    const float turn = tanhf(to_float(values[place]) + grid.shift[i]);
    const float slope =
        (1.0f - turn * turn) * grid.half[i] / static_cast<float>(grid.level[i] / 2);
    out[place] = from_float<T>(to_float(grad[place]) * slope);
  }
}

} // namespace omni::kernels::cuda
