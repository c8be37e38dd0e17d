// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// h = x / sqrt(mean(x^2) + eps) * (weight + weight_offset) a head, then its leading W
// entries turn: (a, b) -> (a cos - b sin, b cos + a sin). Keys and values may go to
// their rows of the cache in the same launch.
// Shapes: q [N, H, K], k [N, G, K], v [N, G, C] of N tokens, any strides but entries
// side by side; cos and sin float32 [table rows, W / 2], W <= K. A token's row of the
// tables holds its angles whatever made them: one axis, sections of three axes, or
// interleaved sections. dtypes: q, k, v, the outputs and the cache of T, the weights of
// W; float32 or bfloat16. Accumulates in float32.
// A thread block: kQkHeadsPerBlock heads, a warp a head. Bytes an entry: 2 sizeof(T)
// (the second read of a normed head is from the first-level cache), sizeof(T) more for
// a key that also goes to the cache.
#pragma once

#include "kernels/cuda/qk_norm_rope_cuda.h"
#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

inline constexpr int kQkHeadsPerBlock = 4;

// Heads of a token that a warp each takes: queries, keys, then values to be copied.
template <typename T, typename W>
__host__ __device__ int qk_heads_per_token(const QkNormRope<T, W>& args) {
  const int copied = args.value_cache.at != nullptr ? args.num_groups : 0;
  return args.num_heads + args.num_groups + copied;
}

template <typename T, typename W>
Launch qk_norm_rope_launch(const QkNormRope<T, W>& args) {
  const int64_t heads = args.num_tokens * qk_heads_per_token(args);
  return {
      ceil_div<int64_t>(heads, kQkHeadsPerBlock), 1, kQkHeadsPerBlock * kWarpSize, 0};
}

// Where one head comes from and goes to.
template <typename T, typename W>
struct HeadWork {
  const T* from;
  T* to; // null: nowhere
  T* to_cache; // null: nowhere
  const W* weight; // null: no norm
};

template <typename T, typename W>
__device__ void write_entry(const HeadWork<T, W>& head, int i, float value) {
  const T rounded = from_float<T>(value);
  if (head.to != nullptr) {
    head.to[i] = rounded;
  }
  if (head.to_cache != nullptr) {
    head.to_cache[i] = rounded;
  }
}

// By one warp. Each lane reads its entries before it writes them, and no other lane's
// after the sum: `to` may be `from`.
template <bool kIsInterleaved, typename T, typename W>
__device__ void norm_and_turn(
    const QkNormRope<T, W>& args,
    const HeadWork<T, W>& head,
    int64_t table_row) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  float inverse = 1.0f;
  if (head.weight != nullptr) {
    float squares = 0.0f;
    for (int i = lane; i < args.key_width; i += kWarpSize) {
      const float x = to_float(head.from[i]);
      squares += x * x;
    }
    squares = warp_reduce(squares, Add());
    inverse = rsqrtf(squares / static_cast<float>(args.key_width) + args.eps);
  }
  const auto entry = [&](int i) {
    const float x = to_float(head.from[i]);
    return head.weight == nullptr
        ? x
        : x * inverse * (to_float(head.weight[i]) + args.weight_offset);
  };
  const int turned = args.cos != nullptr ? args.rotary_width : 0, half = turned / 2;
  for (int pair = lane; pair < half; pair += kWarpSize) {
    const int i = kIsInterleaved ? 2 * pair : pair;
    const int j = kIsInterleaved ? 2 * pair + 1 : pair + half;
    const float a = entry(i), b = entry(j);
    const float cos = args.cos[table_row * half + pair];
    const float sin = args.sin[table_row * half + pair];
    write_entry(head, i, a * cos - b * sin);
    write_entry(head, j, b * cos + a * sin);
  }
  for (int i = turned + lane; i < args.key_width; i += kWarpSize) {
    write_entry(head, i, entry(i));
  }
}

template <typename P>
__device__ P* head_of(const Heads<P>& heads, int64_t token, int64_t head) {
  return heads.at == nullptr
      ? nullptr
      : heads.at + token * heads.token_stride + head * heads.head_stride;
}

// kIsInterleaved: pairs (x[2i], x[2i+1]); else (x[i], x[i + W/2]).
template <bool kIsInterleaved, typename T, typename W>
__global__ void qk_norm_rope_kernel(QkNormRope<T, W> args) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int heads_per_token = qk_heads_per_token(args);
  const int64_t work = int64_t{blockIdx.x} * kQkHeadsPerBlock + warp;
  const int64_t token = work / heads_per_token;
  if (token >= args.num_tokens) {
    return; // a whole warp
  }
  int head = static_cast<int>(work % heads_per_token);
  const int64_t table_row = args.cos != nullptr ? token % args.table_rows : 0;
  if (head < args.num_heads) {
    norm_and_turn<kIsInterleaved, T, W>(
        args,
        {head_of(args.q, token, head), head_of(args.q_out, token, head), nullptr,
         args.q_weight},
        table_row);
    return;
  }
  head -= args.num_heads;
  const int64_t cache_row = args.cache_rows != nullptr ? args.cache_rows[token] : token;
  if (head < args.num_groups) {
    norm_and_turn<kIsInterleaved, T, W>(
        args,
        {head_of(args.k, token, head), head_of(args.k_out, token, head),
         head_of(args.key_cache, cache_row, head), args.k_weight},
        table_row);
    return;
  }
  head -= args.num_groups;
  const T* from = head_of(args.v, token, head);
  T* to = head_of(args.value_cache, cache_row, head);
  for (int i = lane; i < args.value_width; i += kWarpSize) {
    to[i] = from[i];
  }
}

} // namespace omni::kernels::cuda
