// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// softmax(scale q k^T) v over spans of rows, with grouped queries and a window. Softmax
// and sums are float32 (float64 for float64) whatever the dtype and whatever autocast
// says. The CPU path never computes what a mask would remove by whole tiles; elsewhere
// each span is one scaled_dot_product_attention.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "omni/transformer/attention_mask.h"

namespace omni {

struct CausalAttentionOptions {
  double scale = 1.0; // of q k^T before softmax
  int64_t window = 0; // rows a query sees, itself included; 0: all earlier ones
};

// q [L, H, K], k and v [L, G, K], G divides H, query head h reads group h / (H / G).
// Returns [L, H, K] in q's dtype, zero for rows in no span. Differentiable once.
[[nodiscard]] at::Tensor causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options);

// The same of L new rows q [L, H, K] that are the last of S rows whose keys and values
// are [G, S, K]. No gradient.
[[nodiscard]] at::Tensor cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options);

// causal_attention by one scaled_dot_product_attention a span: any device.
[[nodiscard]] at::Tensor plain_causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options);

} // namespace omni
