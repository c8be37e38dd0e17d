// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Residual vector quantisation (arXiv 2107.03312): stage by stage, code = the codeword
// nearest to what is left (the first of equals), which is then taken off. Back: the sum
// of the codewords.
// Shapes: values [R, C], codebooks [Q, N, C] -> codes int64 [R, Q]; codes -> values [R,
// C]. dtypes: values of T, float32 or bfloat16; codebooks float32. Distances are sums
// of squared differences in float32: |c|^2 - 2 r c would lose what tells near codewords
// apart.
// A thread block: kVqRows rows through all stages, a warp a codeword at a time, so that
// a codebook is read once for kVqRows rows; decoding, one row. Bytes a row:
// 4 Q N C / kVqRows + sizeof(T) C + 8 Q encoding; (4 Q + sizeof(T)) C + 8 Q decoding.
#pragma once

#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/residual_vq_cuda.h"

namespace omni::kernels::cuda {

inline constexpr int kVqRows = 4;
inline constexpr unsigned kVqThreads = 256;
inline constexpr unsigned kVqDecodeMostThreads = 256;

// What is left of each row, and the best of each warp for each row.
constexpr size_t residual_vq_shared_bytes(int64_t width) {
  const size_t found = kVqRows * (kVqThreads / kWarpSize) * sizeof(Found);
  return found + kVqRows * static_cast<size_t>(width) * sizeof(float);
}
static_assert(residual_vq_shared_bytes(kVqMostWidth) <= kMostSharedBytes);

template <typename T>
Launch residual_vq_encode_launch(const ResidualVq<T>& args) {
  return {
      ceil_div<int64_t>(args.num_rows, kVqRows), 1, kVqThreads,
      residual_vq_shared_bytes(args.width)};
}

// The nearest codeword of one stage to each row of `left`, by the codewords of one
// warp, as the largest negated distance.
template <typename T>
__device__ void nearest_of_warp(
    const ResidualVq<T>& args,
    const float* codebook,
    const float* left,
    Found* best) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int num_warps = static_cast<int>(kVqThreads) / kWarpSize;
  for (int row = 0; row < kVqRows; ++row) {
    best[row] = {-INFINITY, args.num_codewords};
  }
  for (int code = warp; code < args.num_codewords; code += num_warps) {
    float distance[kVqRows] = {};
    for (int i = lane; i < args.width; i += kWarpSize) {
      const float entry = codebook[int64_t{code} * args.width + i];
      for (int row = 0; row < kVqRows; ++row) {
        const float difference = left[row * args.width + i] - entry;
        distance[row] += difference * difference;
      }
    }
    for (int row = 0; row < kVqRows; ++row) {
      const float sum = warp_reduce(distance[row], Add());
      best[row] = LargerThenFirst()(best[row], {-sum, code});
    }
  }
}

template <typename T>
__global__ void residual_vq_encode_kernel(ResidualVq<T> args) {
  constexpr int kWarps = static_cast<int>(kVqThreads) / kWarpSize;
  Found* found = shared_memory<Found>(); // [kVqRows, kWarps]
  float* left = reinterpret_cast<float*>(found + kVqRows * kWarps); // [kVqRows, C]
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int64_t first_row = int64_t{blockIdx.x} * kVqRows;
  const int64_t rows_left = args.num_rows - first_row;
  const int num_rows = rows_left < kVqRows ? static_cast<int>(rows_left) : kVqRows;
  for (int i = threadIdx.x; i < kVqRows * args.width; i += kVqThreads) {
    const bool is_row = i < num_rows * args.width;
    left[i] = is_row ? to_float(args.values[first_row * args.width + i]) : 0.0f;
  }
  __syncthreads();
  for (int stage = 0; stage < args.num_stages; ++stage) {
    const float* codebook =
        args.codebooks + int64_t{stage} * args.num_codewords * args.width;
    Found best[kVqRows];
    nearest_of_warp(args, codebook, left, best);
    if (lane == 0) {
      for (int row = 0; row < kVqRows; ++row) {
        found[row * kWarps + warp] = best[row];
      }
    }
    __syncthreads();
    for (int row = warp; row < num_rows; row += kWarps) {
      const Found own =
          lane < kWarps ? found[row * kWarps + lane] : Found{-INFINITY, 0x7fffffff};
      const Found nearest = warp_first_largest(own);
      // Of a row with NaN no codeword is near: the first stands for it.
      const int code = nearest.place < args.num_codewords ? nearest.place : 0;
      if (lane == 0) {
        args.codes[(first_row + row) * args.num_stages + stage] = code;
      }
      for (int i = lane; i < args.width; i += kWarpSize) {
        left[row * args.width + i] -= codebook[int64_t{code} * args.width + i];
      }
    }
    __syncthreads();
  }
}

template <typename T>
Launch residual_vq_decode_launch(const ResidualVqDecode<T>& args) {
  return {args.num_rows, 1, threads_for(args.width, kVqDecodeMostThreads), 0};
}

template <typename T>
__global__ void residual_vq_decode_kernel(ResidualVqDecode<T> args) {
  const int64_t* codes = args.codes + int64_t{blockIdx.x} * args.num_stages;
  for (int i = threadIdx.x; i < args.width; i += blockDim.x) {
    float sum = 0.0f;
    for (int stage = 0; stage < args.num_stages; ++stage) {
      const int64_t code = codes[stage];
      if (code < 0 || code >= args.num_codewords) {
        __trap();
      }
      const int64_t codeword = int64_t{stage} * args.num_codewords + code;
      sum += args.codebooks[codeword * args.width + i];
    }
    args.values[int64_t{blockIdx.x} * args.width + i] = from_float<T>(sum);
  }
}

} // namespace omni::kernels::cuda
