// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// scores = softmax(logits) or sigmoid(logits); the k experts of largest score + bias,
// of the best groups alone where there are groups (a group is as good as its two best
// together, arXiv 2412.19437); weights = their scores, to sum 1 where wanted, times a
// scale. Of equals the lower expert, or group, comes first.
// Shapes: logits float32 [L, E] -> ids int64 [L, k], best first; weights float32 [L,
// k]. All arithmetic is float32 whatever the model's dtype: a row near a tie must not
// change experts by rounding. A thread block: kRouterRows rows, a warp a row. Bytes a
// row: 4 E + 12 k.
#pragma once

#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/router_cuda.h"

namespace omni::kernels::cuda {

inline constexpr int kRouterRows = 4;

// A warp's row: scores [E], choice scores [E], group scores [num_groups].
inline __host__ __device__ int router_floats_per_row(const Router& args) {
  return 2 * args.num_experts + args.num_groups;
}

inline Launch router_launch(const Router& args) {
  return {
      ceil_div<int64_t>(args.num_rows, kRouterRows), 1, kRouterRows * kWarpSize,
      kRouterRows * static_cast<size_t>(router_floats_per_row(args)) * sizeof(float)};
}

// kHasSoftmax: else sigmoid.
template <bool kHasSoftmax>
__device__ void
score_experts(const Router& args, const float* logits, float* scores, float* choice) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  float largest = -INFINITY, total = 0.0f;
  if (kHasSoftmax) {
    for (int e = lane; e < args.num_experts; e += kWarpSize) {
      largest = fmaxf(largest, logits[e]);
    }
    largest = warp_reduce(largest, Larger());
    for (int e = lane; e < args.num_experts; e += kWarpSize) {
      total += expf(logits[e] - largest);
    }
    total = warp_reduce(total, Add());
  }
  for (int e = lane; e < args.num_experts; e += kWarpSize) {
    scores[e] = kHasSoftmax ? expf(logits[e] - largest) / total
                            : 1.0f / (1.0f + expf(-logits[e]));
    const float sum = scores[e] + (args.bias != nullptr ? args.bias[e] : 0.0f);
    choice[e] = sum != sum ? -INFINITY : sum; // NaN will mark what is taken
  }
  __syncwarp();
}

// Place of the largest of `size` values, which is then put out of the way: at most as
// often as there are values.
__device__ inline int take_largest(float* values, int size) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  Found best = {-INFINITY, 0x7fffffff};
  for (int i = lane; i < size; i += kWarpSize) {
    // What was taken already is NaN: it is larger than nothing.
    best = LargerThenFirst()(best, {values[i], i});
  }
  best = warp_first_largest(best);
  __syncwarp(); // a shuffle alone does not order memory
  if (lane == 0) {
    values[best.place] = NAN;
  }
  __syncwarp();
  return best.place;
}

// Choice scores outside the best groups become 0 or -infinity.
__device__ inline void keep_groups(const Router& args, float* choice, float* groups) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int size = args.num_experts / args.num_groups;
  for (int g = lane; g < args.num_groups; g += kWarpSize) {
    float first = -INFINITY, second = -INFINITY;
    for (int i = 0; i < size; ++i) {
      const float value = choice[g * size + i];
      second = fmaxf(second, fminf(first, value));
      first = fmaxf(first, value);
    }
    const float value = size > 1 ? first + second : first;
    groups[g] = value != value ? -INFINITY : value; // of infinities of both signs
  }
  __syncwarp();
  for (int kept = 0; kept < args.kept_groups; ++kept) {
    take_largest(groups, args.num_groups);
  }
  const float dropped = args.has_soft_groups ? 0.0f : -INFINITY;
  for (int e = lane; e < args.num_experts; e += kWarpSize) {
    const float group = groups[e / size];
    choice[e] = group != group ? choice[e] : dropped; // NaN: taken
  }
  __syncwarp();
}

template <bool kHasSoftmax>
__global__ void router_kernel(Router args) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int64_t row = int64_t{blockIdx.x} * kRouterRows + warp;
  if (row >= args.num_rows) {
    return; // a whole warp
  }
  float* scores = shared_memory<float>() + warp * router_floats_per_row(args);
  float* choice = scores + args.num_experts;
  float* groups = choice + args.num_experts;
  score_experts<kHasSoftmax>(
      args, args.logits + row * args.num_experts, scores, choice);
  if (args.num_groups > 1) {
    keep_groups(args, choice, groups);
  }
  int64_t* ids = args.ids + row * args.experts_per_row;
  float* weights = args.weights + row * args.experts_per_row;
  float sum = 0.0f;
  for (int k = 0; k < args.experts_per_row; ++k) {
    const int expert = take_largest(choice, args.num_experts);
    sum += scores[expert];
    if (lane == 0) {
      ids[k] = expert;
    }
  }
  __syncwarp(); // what lane 0 wrote is read below
  const float norm = args.has_normalized_weights ? 1.0f / (sum + 1e-20f)
                                                 : 1.0f; // sigmoids may all be 0
  for (int k = lane; k < args.experts_per_row; k += kWarpSize) {
    weights[k] = scores[ids[k]] * norm * args.weight_scale;
  }
}

} // namespace omni::kernels::cuda
