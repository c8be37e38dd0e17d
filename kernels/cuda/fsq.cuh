// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Finite scalar quantisation (arXiv 2309.15505): q = round(tanh(v + shift) half -
// offset), code = sum (q + l / 2) radix; back: (digit - l / 2) / (l / 2).
// Shapes: values [R, dims] -> codes int64 [R]; codes -> values [R, dims].
// dtypes: values float32 or bfloat16 both ways; arithmetic in float32.
// A thread block: kFsqThreads rows, a thread a row (dims is a handful). Bytes an entry:
// sizeof(T) + 8 / dims.
#pragma once

#include "kernels/cuda/cuda_types.cuh"

namespace omni::kernels::cuda {

inline constexpr int kFsqMostDims = 16;
inline constexpr unsigned kFsqThreads = 128;

// The constants of each dimension; made on the host, passed by value.
struct FsqGrid {
  int dims = 0;
  int level[kFsqMostDims] = {};
  float half[kFsqMostDims] = {};
  float offset[kFsqMostDims] = {};
  float shift[kFsqMostDims] = {};
};

// `levels`: dims <= kFsqMostDims counts in [2, 2^24) whose product fits int64.
inline FsqGrid fsq_grid(const int64_t* levels, int dims) {
  FsqGrid grid;
  grid.dims = dims;
  for (int i = 0; i < dims; ++i) {
    // Widened a little, so that finite values reach the ends of the grid.
    const double half = static_cast<double>(levels[i] - 1) * (1.0 + 1e-3) / 2.0;
    const double offset = levels[i] % 2 == 0 ? 0.5 : 0.0;
    grid.level[i] = static_cast<int>(levels[i]);
    grid.half[i] = static_cast<float>(half);
    grid.offset[i] = static_cast<float>(offset);
    grid.shift[i] = static_cast<float>(std::atanh(offset / half));
  }
  return grid;
}

inline Launch fsq_launch(int64_t num_rows) {
  return {
      static_cast<unsigned>(ceil_div<int64_t>(num_rows, kFsqThreads)), 1, kFsqThreads,
      0};
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
    const float bounded = tanhf(value + grid.shift[i]) * grid.half[i] - grid.offset[i];
    const float digit = rintf(bounded) + static_cast<float>(grid.level[i] / 2);
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
    const int level = grid.level[i];
    const int digit = static_cast<int>(rest % level);
    values[row * grid.dims + i] = from_float<T>(
        static_cast<float>(digit - level / 2) / static_cast<float>(level / 2));
    rest /= level;
  }
}

} // namespace omni::kernels::cuda
