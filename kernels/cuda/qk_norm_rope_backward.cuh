// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// With g the gradient of a head turned back, (a, b) -> (a cos + b sin, b cos - a sin),
// w = weight + weight_offset and i = 1 / sqrt(mean(x^2) + eps): d x = i (g w - x i^2
// mean(g w x)), d weight = sum over tokens and heads of g x i; without a norm d x = g.
// Shapes: gradients, q, k and the outputs [N, H, K] and [N, G, K], any strides but
// entries side by side; cos and sin float32 [table rows, W / 2]; weight_sums [warps, 2,
// K], of q and of k. dtypes: heads of T, float32 or bfloat16; weights and sums float32.
// A thread block: kQkBackwardWarps warps, each every gridDim.x * kQkBackwardWarps-th
// head. A lane keeps to its entries, so that it adds up the gradient of their weights
// alone, in shared memory where that fits. Bytes an entry: 3 sizeof(T); the second read
// is from the cache.
#pragma once

#include "kernels/cuda/qk_norm_rope_cuda.h"
#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

// What a warp's sums take of shared memory: for wider heads they stay where they go.
__host__ __device__ inline int qk_sums_held(bool has_norm, int key_width) {
  const bool fits = key_width <=
      static_cast<int>(kMostSharedBytes / sizeof(float) / 2 / kQkBackwardWarps);
  return has_norm && fits ? 2 * key_width : 0;
}

template <typename T>
Launch qk_norm_rope_backward_launch(const QkNormRopeBackward<T>& args) {
  const int64_t heads = args.num_tokens * (args.num_heads + args.num_groups);
  const int held = qk_sums_held(args.weight_sums != nullptr, args.key_width);
  return {
      qk_backward_parts(heads) / kQkBackwardWarps, 1, kQkBackwardWarps * kWarpSize,
      kQkBackwardWarps * held * sizeof(float)};
}

// One head, its places and its weights.
template <typename T>
struct HeadGradient {
  const T* grad;
  const T* x;
  T* out;
  const float* weight; // null: no norm
  float* weight_sums; // [K]
};

// Calls visit(i, turned) for the entries of this lane, the same ones for every head.
template <bool kIsInterleaved, typename T, typename Visit>
__device__ void turn_back(
    const QkNormRopeBackward<T>& args,
    const T* grad,
    int64_t table_row,
    Visit visit) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int turned = args.cos != nullptr ? args.rotary_width : 0, half = turned / 2;
  for (int pair = lane; pair < half; pair += kWarpSize) {
    const int i = kIsInterleaved ? 2 * pair : pair;
    const int j = kIsInterleaved ? 2 * pair + 1 : pair + half;
    const float a = to_float(grad[i]), b = to_float(grad[j]);
    const float cos = args.cos[table_row * half + pair];
    const float sin = args.sin[table_row * half + pair];
    visit(i, a * cos + b * sin);
    visit(j, b * cos - a * sin);
  }
  for (int i = turned + lane; i < args.key_width; i += kWarpSize) {
    visit(i, to_float(grad[i]));
  }
}

// By one warp.
template <bool kIsInterleaved, typename T>
__device__ void head_backward(
    const QkNormRopeBackward<T>& args,
    const HeadGradient<T>& head,
    int64_t table_row) {
  if (head.weight == nullptr) {
    turn_back<kIsInterleaved>(args, head.grad, table_row, [&](int i, float turned) {
      head.out[i] = from_float<T>(turned);
    });
    return;
  }
  float squares = 0.0f, along = 0.0f;
  turn_back<kIsInterleaved>(args, head.grad, table_row, [&](int i, float turned) {
    const float x = to_float(head.x[i]);
    squares += x * x;
    along += turned * (head.weight[i] + args.weight_offset) * x;
  });
  squares = warp_reduce(squares, Add());
  along = warp_reduce(along, Add());
  const float share = 1.0f / static_cast<float>(args.key_width);
  const float inverse = rsqrtf(squares * share + args.eps);
  const float back = along * share * inverse * inverse;
  turn_back<kIsInterleaved>(args, head.grad, table_row, [&](int i, float turned) {
    const float x = to_float(head.x[i]);
    const float pulled = turned * (head.weight[i] + args.weight_offset);
    head.out[i] = from_float<T>(inverse * (pulled - x * back));
    head.weight_sums[i] += turned * x * inverse;
  });
}

template <typename P>
__device__ P* place_of(const Heads<P>& heads, int64_t token, int64_t head) {
  return heads.at + token * heads.token_stride + head * heads.head_stride;
}

// kIsInterleaved as forward.
template <bool kIsInterleaved, typename T>
__global__ void qk_norm_rope_backward_kernel(QkNormRopeBackward<T> args) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int64_t part = int64_t{blockIdx.x} * kQkBackwardWarps + warp;
  const bool has_norm = args.weight_sums != nullptr;
  const int held = qk_sums_held(has_norm, args.key_width);
  float* left = has_norm ? args.weight_sums + part * 2 * args.key_width : nullptr;
  float* sums = held > 0 ? shared_memory<float>() + warp * held : left;
  for (int i = lane; i < (has_norm ? 2 * args.key_width : 0); i += kWarpSize) {
    sums[i] = 0.0f;
  }
  __syncwarp(); // entries are shared out otherwise from here on
  const int heads_per_token = args.num_heads + args.num_groups;
  const int64_t num_heads = args.num_tokens * heads_per_token;
  const int64_t step = int64_t{gridDim.x} * kQkBackwardWarps;
  for (int64_t work = part; work < num_heads; work += step) {
    const int64_t token = work / heads_per_token;
    const int head = static_cast<int>(work % heads_per_token);
    const int group = head - args.num_heads;
    const int64_t table_row = args.cos != nullptr ? token % args.table_rows : 0;
    const HeadGradient<T> of_head = group < 0
        ? HeadGradient<
              T>{place_of(args.q_grad, token, head), place_of(args.q, token, head), place_of(args.q_out, token, head), args.q_weight, sums}
        : HeadGradient<T>{
              place_of(args.k_grad, token, group), place_of(args.k, token, group),
              place_of(args.k_out, token, group), args.k_weight,
              has_norm ? sums + args.key_width : nullptr};
    head_backward<kIsInterleaved>(args, of_head, table_row);
  }
  __syncwarp();
  for (int i = lane; i < held; i += kWarpSize) {
    left[i] = sums[i];
  }
}

} // namespace omni::kernels::cuda
