// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// sum = residual + m x; y = sum / sqrt(mean(sum^2) + eps) * (weight + weight_offset).
// Shapes: x, residual, sum, y [R, D]; weight [D]. dtypes: x and y of T, residual and
// sum of S, weight of W, each float32 or bfloat16; the sum is rounded to S before its
// norm. Optionally y as int8 [R, D] with a float32 scale a row, y = scale * int8.
// Accumulates in float32. A thread block: one row, which it holds in shared memory.
// Bytes an entry: T + T plain; T + S + S + T with the residual; 1 in place of the last
// T for int8.
#pragma once

#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/rms_norm_cuda.h"

namespace omni::kernels::cuda {

inline constexpr unsigned kRmsNormMostThreads = 1024;

template <typename T, typename S, typename W>
bool rms_norm_takes_packs(const RmsNorm<T, S, W>& args) {
  constexpr int kPack = kPackSize<T>;
  return takes_packs<kPack>(args.x, args.width) &&
      takes_packs<kPack>(args.residual, args.width) &&
      takes_packs<kPack>(args.weight, args.width) &&
      takes_packs<kPack>(args.normed, args.width) &&
      takes_packs<kPack>(args.sum, args.width) &&
      takes_packs<kPack>(args.quantized, args.width);
}

// The partials of block_reduce lie before the row, which keeps the row aligned.
constexpr size_t rms_norm_shared_bytes(int64_t width) {
  return (kWarpSize + static_cast<size_t>(width)) * sizeof(float);
}
static_assert(rms_norm_shared_bytes(kRmsNormMostWidth) == kMostSharedBytes);

template <typename T, typename S, typename W>
Launch rms_norm_launch(const RmsNorm<T, S, W>& args) {
  const int pack = rms_norm_takes_packs(args) ? kPackSize<T> : 1;
  return {
      args.num_rows, 1, threads_for(args.width / pack, kRmsNormMostThreads),
      rms_norm_shared_bytes(args.width)};
}

// The row of int8 from y in shared memory; each thread's own entries.
template <int kPack, typename T, typename S, typename W>
__device__ void quantize_row(
    const RmsNorm<T, S, W>& args,
    const float* row,
    float largest,
    float* partials) {
  largest = block_reduce(largest, 0.0f, Larger(), partials);
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * args.width;
  for (int i = threadIdx.x * kPack; i < args.width; i += blockDim.x * kPack) {
    Pack<int8_t, kPack> quantized;
    for (int j = 0; j < kPack; ++j) {
      const float level = rintf(row[i + j] * inverse);
      quantized.at[j] = static_cast<int8_t>(fminf(fmaxf(level, -127.0f), 127.0f));
    }
    store_pack(args.quantized + begin + i, quantized);
  }
  if (threadIdx.x == 0) {
    args.scales[blockIdx.x] = largest / 127.0f;
  }
}

// kPack: kPackSize<T> where rms_norm_takes_packs, else 1.
template <int kPack, typename T, typename S, typename W>
__global__ void rms_norm_kernel(RmsNorm<T, S, W> args) {
  float* partials = shared_memory<float>();
  float* row = partials + kWarpSize;
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * args.width;
  const int first = threadIdx.x * kPack, step = blockDim.x * kPack;

  float squares = 0.0f;
  for (int i = first; i < args.width; i += step) {
    const Pack<T, kPack> x = load_pack<T, kPack>(args.x + begin + i);
    Pack<S, kPack> sum;
    if (args.residual != nullptr) {
      sum = load_pack<S, kPack>(args.residual + begin + i);
    }
    for (int j = 0; j < kPack; ++j) {
      const float residual = args.residual != nullptr ? to_float(sum.at[j]) : 0.0f;
      sum.at[j] = from_float<S>(residual + to_float(x.at[j]) * args.branch_multiplier);
      const float rounded = to_float(sum.at[j]);
      squares += rounded * rounded;
      row[i + j] = rounded;
    }
    if (args.sum != nullptr) {
      store_pack(args.sum + begin + i, sum);
    }
  }
  squares = block_reduce(squares, 0.0f, Add(), partials);
  const float inverse = rsqrtf(squares / static_cast<float>(args.width) + args.eps);

  float largest = 0.0f;
  for (int i = first; i < args.width; i += step) {
    const Pack<W, kPack> weight = load_pack<W, kPack>(args.weight + i);
    Pack<T, kPack> normed;
    for (int j = 0; j < kPack; ++j) {
      const float y =
          row[i + j] * inverse * (to_float(weight.at[j]) + args.weight_offset);
      normed.at[j] = from_float<T>(y);
      row[i + j] = y;
      largest = fmaxf(largest, fabsf(y));
    }
    if (args.normed != nullptr) {
      store_pack(args.normed + begin + i, normed);
    }
  }
  if (args.quantized != nullptr) {
    quantize_row<kPack>(args, row, largest, partials);
  }
}

} // namespace omni::kernels::cuda
