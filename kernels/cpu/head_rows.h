// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What qk_norm_rope and its gradient share on the CPU: heads as rows of tokens, and how
// a head's pairs turn.
#pragma once

#include <optional>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/kernels.h"

namespace omni::kernels::cpu {

struct HeadLayout {
  int64_t num_heads;
  int64_t width; // K
  int64_t half; // W / 2
  int64_t token_stride; // of the input, in entries
  int64_t head_stride;
  int64_t num_table_rows; // token t turns by row t % num_table_rows
  bool is_interleaved;
  float eps;
  const float* cos; // [num_table_rows, half]
  const float* sin;
  const float* weight; // [K], offset added, or null
};

// (a, b) -> (a c - b s, b c + a s) on the pairs of n[0, 2 half); `sign` -1 turns back.
template <typename T>
[[gnu::always_inline]] inline void turn(
    const HeadLayout& layout,
    int64_t width,
    int64_t half,
    int64_t token,
    float sign,
    const float* __restrict n,
    T* __restrict out) {
  if (half > 0) {
    const int64_t table_row = (token % layout.num_table_rows) * half;
    const float* __restrict cos = layout.cos + table_row;
    const float* __restrict sin = layout.sin + table_row;
    if (layout.is_interleaved) {
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float a = n[2 * i], b = n[2 * i + 1], s = sign * sin[i];
        out[2 * i] = from_float<T>(a * cos[i] - b * s);
        out[2 * i + 1] = from_float<T>(b * cos[i] + a * s);
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float a = n[i], b = n[i + half], s = sign * sin[i];
        out[i] = from_float<T>(a * cos[i] - b * s);
        out[i + half] = from_float<T>(b * cos[i] + a * s);
      }
    }
  }
#pragma omp simd
  for (int64_t i = 2 * half; i < width; ++i) {
    out[i] = from_float<T>(n[i]);
  }
}

// [.., H, K] as [tokens, H, K] with a dense last axis; a view where strides allow.
inline at::Tensor as_tokens(const at::Tensor& heads) {
  int64_t tokens = 1;
  for (int64_t axis = 0; axis < heads.dim() - 2; ++axis) {
    tokens *= heads.size(axis);
  }
  const at::Tensor dense = heads.stride(-1) == 1 ? heads : heads.contiguous();
  return dense.reshape({tokens, heads.size(-2), heads.size(-1)});
}

struct PreparedHeads {
  at::Tensor cos;
  at::Tensor sin;
  at::Tensor weight;
  HeadLayout layout;
};

inline PreparedHeads prepare_heads(
    const at::Tensor& tokens,
    const RotaryTables& tables,
    const std::optional<at::Tensor>& weight,
    const QkNormRopeOptions& options) {
  PreparedHeads p;
  p.layout = {
      tokens.size(1),
      tokens.size(2),
      0,
      tokens.stride(0),
      tokens.stride(1),
      1,
      options.is_interleaved,
      static_cast<float>(options.eps),
      nullptr,
      nullptr,
      nullptr};
  if (tables.cos.defined() && tables.cos.numel() > 0) {
    p.cos = tables.cos.contiguous();
    p.sin = tables.sin.contiguous();
    p.layout.half = p.cos.size(-1);
    p.layout.num_table_rows = p.cos.numel() / p.layout.half;
    p.layout.cos = p.cos.const_data_ptr<float>();
    p.layout.sin = p.sin.const_data_ptr<float>();
  }
  if (weight.has_value()) {
    p.weight = used_weight(*weight, options.weight_offset);
    p.layout.weight = p.weight.const_data_ptr<float>();
  }
  return p;
}

inline int64_t tokens_per_task(const HeadLayout& layout) {
  return rows_per_task(layout.num_heads * layout.width, 16384);
}

} // namespace omni::kernels::cpu
