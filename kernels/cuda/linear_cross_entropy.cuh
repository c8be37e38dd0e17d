// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The row part of linear_cross_entropy: x = m logits; lse = log sum exp(x); loss = lse
// - x[target] + z lse^2; where wanted the logits become their gradient, row_weight m
// ((1 + 2 z lse) exp(x - lse) - [i = target]). Shapes: a chunk of logits [R, V],
// changed in place; targets int64 [R]; losses float32 [R], unweighted. dtypes: logits
// of T, float32 or bfloat16; the largest and the sum are found together in one pass, in
// float32. A thread block: one row. Bytes an entry: sizeof(T), and 2 sizeof(T) more for
// the gradient.
#pragma once

#include "kernels/cuda/linear_cross_entropy_cuda.h"
#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

inline constexpr unsigned kCrossEntropyMostThreads = 1024;

template <typename T>
bool cross_entropy_takes_packs(const CrossEntropyRows<T>& args) {
  return takes_packs<kPackSize<T>>(args.logits, args.vocab);
}

template <typename T>
Launch cross_entropy_launch(const CrossEntropyRows<T>& args) {
  const int pack = cross_entropy_takes_packs(args) ? kPackSize<T> : 1;
  return {
      args.num_rows, 1, threads_for(args.vocab / pack, kCrossEntropyMostThreads),
      kWarpSize * sizeof(float)};
}

// Of one row, by all threads of the block.
template <int kPack, typename T>
__device__ float
log_sum_exp(const T* logits, int vocab, float multiplier, float* partials) {
  // Not -infinity, whose difference to itself is NaN.
  constexpr float kLowest = -3.4028234e38f;
  float largest = kLowest, sum = 0.0f;
  for (int i = threadIdx.x * kPack; i < vocab; i += blockDim.x * kPack) {
    const auto pack = load_pack<T, kPack>(logits + i);
    float of_pack = largest;
    for (int j = 0; j < kPack; ++j) {
      of_pack = fmaxf(of_pack, to_float(pack.at[j]) * multiplier);
    }
    sum *= expf(largest - of_pack);
    for (int j = 0; j < kPack; ++j) {
      sum += expf(to_float(pack.at[j]) * multiplier - of_pack);
    }
    largest = of_pack;
  }
  const float of_row = block_reduce(largest, kLowest, Larger(), partials);
  sum *= expf(largest - of_row);
  return of_row + logf(block_reduce(sum, 0.0f, Add(), partials));
}

// kPack: kPackSize<T> where cross_entropy_takes_packs, else 1.
template <int kPack, typename T>
__global__ void cross_entropy_kernel(CrossEntropyRows<T> args) {
  T* logits = args.logits + int64_t{blockIdx.x} * args.vocab;
  const int64_t target = args.targets[blockIdx.x];
  if (target < 0 || target >= args.vocab) {
    __trap();
  }
  // The last barrier inside comes after every read of this row's logits.
  const float of_target = to_float(logits[target]) * args.multiplier;
  const float log_sum =
      log_sum_exp<kPack>(logits, args.vocab, args.multiplier, shared_memory<float>());
  if (threadIdx.x == 0) {
    args.losses[blockIdx.x] = log_sum - of_target + args.z_loss * log_sum * log_sum;
  }
  if (!args.has_gradient) {
    return;
  }
  const float row_weight =
      args.row_weights != nullptr ? args.row_weights[blockIdx.x] : 1.0f;
  const float slope = row_weight * args.multiplier;
  const float of_softmax = slope * (1.0f + 2.0f * args.z_loss * log_sum);
  for (int i = threadIdx.x * kPack; i < args.vocab; i += blockDim.x * kPack) {
    auto pack = load_pack<T, kPack>(logits + i);
    for (int j = 0; j < kPack; ++j) {
      const float x = to_float(pack.at[j]) * args.multiplier;
      const float softmax = expf(x - log_sum);
      pack.at[j] =
          from_float<T>(of_softmax * softmax - (i + j == target ? slope : 0.0f));
    }
    store_pack(logits + i, pack);
  }
}

} // namespace omni::kernels::cuda
