// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// With s the sum of the forward pass, w = weight + weight_offset, g = grad_normed w and
// i = 1 / sqrt(mean(s^2) + eps): grad_stream = i (g - s i^2 mean(g s)) + grad_sum,
// grad_branch = m grad_stream, grad_weight = sum over rows of grad_normed s i.
// Shapes: all [R, D], weight [D], weight_sums [blocks, D]. dtypes: grad_normed and
// grad_branch of T, the other rows of S, each float32 or bfloat16; weight and its sums
// float32. Accumulates in float32.
// A thread block: every gridDim.x-th row. A thread keeps to its columns, so that it
// adds up the gradient of their weights alone, in shared memory where a row fits there.
// Bytes an entry: T + S + S, and T + S more with a branch and a grad_sum; the second
// read of a row is from the cache.
#pragma once

#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/rms_norm_cuda.h"

namespace omni::kernels::cuda {

inline constexpr unsigned kRmsNormBackwardMostThreads = 512;

template <typename T, typename S>
bool rms_norm_backward_takes_packs(const RmsNormBackward<T, S>& args) {
  constexpr int kPack = kPackSize<T>;
  return takes_packs<kPack>(args.grad_normed, args.width) &&
      takes_packs<kPack>(args.grad_sum, args.width) &&
      takes_packs<kPack>(args.sum, args.width) &&
      takes_packs<kPack>(args.weight, args.width) &&
      takes_packs<kPack>(args.grad_stream, args.width) &&
      takes_packs<kPack>(args.grad_branch, args.width) &&
      takes_packs<kPack>(args.weight_sums, args.width);
}

// Whether a row of sums lies in shared memory, behind the partials of block_reduce.
__host__ __device__ inline bool holds_weight_sums(int width) {
  return width <= kRmsNormMostWidth;
}

template <typename T, typename S>
Launch rms_norm_backward_launch(const RmsNormBackward<T, S>& args) {
  const int pack = rms_norm_backward_takes_packs(args) ? kPackSize<T> : 1;
  const int held = holds_weight_sums(args.width) ? args.width : 0;
  return {
      rms_norm_backward_parts(args.num_rows), 1,
      threads_for(args.width / pack, kRmsNormBackwardMostThreads),
      (kWarpSize + static_cast<size_t>(held)) * sizeof(float)};
}

// One row, by all threads of the block.
template <int kPack, typename T, typename S>
__device__ void rms_norm_backward_row(
    const RmsNormBackward<T, S>& args,
    int64_t begin,
    float* partials,
    float* weight_sums) {
  const int first = threadIdx.x * kPack, step = blockDim.x * kPack;
  float squares = 0.0f, along = 0.0f;
  for (int i = first; i < args.width; i += step) {
    const auto grad = load_pack<T, kPack>(args.grad_normed + begin + i);
    const auto sum = load_pack<S, kPack>(args.sum + begin + i);
    const auto weight = load_pack<float, kPack>(args.weight + i);
    for (int j = 0; j < kPack; ++j) {
      const float s = to_float(sum.at[j]);
      squares += s * s;
      along += to_float(grad.at[j]) * (weight.at[j] + args.weight_offset) * s;
    }
  }
  squares = block_reduce(squares, 0.0f, Add(), partials);
  along = block_reduce(along, 0.0f, Add(), partials);
  const float share = 1.0f / static_cast<float>(args.width);
  const float inverse = rsqrtf(squares * share + args.eps);
  const float back = along * share * inverse * inverse;
  for (int i = first; i < args.width; i += step) {
    const auto grad = load_pack<T, kPack>(args.grad_normed + begin + i);
    const auto sum = load_pack<S, kPack>(args.sum + begin + i);
    const auto weight = load_pack<float, kPack>(args.weight + i);
    Pack<S, kPack> stream;
    if (args.grad_sum != nullptr) {
      stream = load_pack<S, kPack>(args.grad_sum + begin + i);
    }
    Pack<T, kPack> branch;
    for (int j = 0; j < kPack; ++j) {
      const float s = to_float(sum.at[j]), g = to_float(grad.at[j]);
      const float extra = args.grad_sum != nullptr ? to_float(stream.at[j]) : 0.0f;
      const float pulled = g * (weight.at[j] + args.weight_offset);
      const float grad_stream = inverse * (pulled - s * back) + extra;
      weight_sums[i + j] += g * s * inverse;
      stream.at[j] = from_float<S>(grad_stream);
      branch.at[j] = from_float<T>(grad_stream * args.branch_multiplier);
    }
    store_pack(args.grad_stream + begin + i, stream);
    if (args.grad_branch != nullptr) {
      store_pack(args.grad_branch + begin + i, branch);
    }
  }
}

// kPack: kPackSize<T> where rms_norm_backward_takes_packs, else 1.
template <int kPack, typename T, typename S>
__global__ void rms_norm_backward_kernel(RmsNormBackward<T, S> args) {
  float* partials = shared_memory<float>();
  float* left = args.weight_sums + int64_t{blockIdx.x} * args.width;
  float* weight_sums = holds_weight_sums(args.width) ? partials + kWarpSize : left;
  const int first = threadIdx.x * kPack, step = blockDim.x * kPack;
  for (int i = first; i < args.width; i += step) {
    for (int j = 0; j < kPack; ++j) {
      weight_sums[i + j] = 0.0f;
    }
  }
  for (int64_t row = blockIdx.x; row < args.num_rows; row += gridDim.x) {
    rms_norm_backward_row<kPack>(args, row * args.width, partials, weight_sums);
  }
  if (weight_sums == left) {
    return;
  }
  for (int i = first; i < args.width; i += step) {
    store_pack(left + i, load_pack<float, kPack>(weight_sums + i));
  }
}

} // namespace omni::kernels::cuda
