// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of qk_norm_rope.cuh and qk_norm_rope_backward.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// One head's entries lie side by side.
template <typename P>
struct Heads {
  P* at = nullptr; // null: not wanted
  int64_t token_stride = 0; // entries
  int64_t head_stride = 0;
};

template <typename T, typename W>
struct QkNormRope {
  Heads<const T> q, k, v; // v is read for the cache alone
  Heads<T> q_out, k_out; // may be q and k
  Heads<T> key_cache, value_cache; // the token stride is from row to row
  const int64_t* cache_rows = nullptr; // [N], of each token; null: row n for token n
  const W* q_weight = nullptr; // [K]; null: no norm
  const W* k_weight = nullptr;
  const float* cos = nullptr; // null: nothing turns
  const float* sin = nullptr;
  int64_t table_rows = 0; // token n reads row n % table_rows
  int64_t num_tokens = 0; // N
  int num_heads = 0; // H
  int num_groups = 0; // G
  int key_width = 0; // K
  int value_width = 0; // C
  int rotary_width = 0; // W, even
  float eps = 1e-6f;
  float weight_offset = 0.0f;
};

template <typename T>
struct QkNormRopeBackward {
  Heads<const T> q_grad, k_grad; // of what the forward pass gave
  Heads<const T> q, k;
  Heads<T> q_out, k_out; // the gradients of q and k
  const float* q_weight = nullptr; // [K]; null: no norm
  const float* k_weight = nullptr;
  const float* cos = nullptr; // as forward
  const float* sin = nullptr;
  float* weight_sums = nullptr; // [qk_backward_parts(N (H + G)), 2, K]; null: no norm
  int64_t table_rows = 0;
  int64_t num_tokens = 0; // N
  int num_heads = 0; // H
  int num_groups = 0; // G
  int key_width = 0; // K
  int rotary_width = 0; // W
  float eps = 1e-6f;
  float weight_offset = 0.0f;
};

// Rows of sums that the backward pass of so many heads leaves: one a warp.
inline constexpr int kQkBackwardWarps = 4;
inline int64_t qk_backward_parts(int64_t num_heads) {
  const int64_t blocks = (num_heads + kQkBackwardWarps - 1) / kQkBackwardWarps;
  return (blocks < 512 ? blocks : 512) * kQkBackwardWarps;
}

// (T, W) one of (float, float), (Bf16, Bf16) and (Bf16, float).
template <typename T, typename W>
void launch_qk_norm_rope(
    bool is_interleaved,
    const QkNormRope<T, W>& args,
    Stream stream);
// T float or Bf16.
template <typename T>
void launch_qk_norm_rope_backward(
    bool is_interleaved,
    const QkNormRopeBackward<T>& args,
    Stream stream);

} // namespace omni::kernels::cuda
