// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/reference.h"

namespace omni::kernels::reference {
namespace {

// q [1, H, L, K] over k and v [1, G, S, K]; an undefined mask: causal from the corner.
at::Tensor attend(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const at::Tensor& mask,
    double scale) {
  return at::scaled_dot_product_attention(
      q, k.to(q.scalar_type()), v.to(q.scalar_type()),
      mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt,
      /*dropout_p=*/0.0,
      /*is_causal=*/!mask.defined(), scale,
      /*enable_gqa=*/q.size(1) != k.size(1));
}

} // namespace

at::Tensor causal_mask(
    int64_t num_queries,
    int64_t num_keys,
    int64_t window,
    const at::Device& device) {
  const auto options = at::TensorOptions(device).dtype(at::kBool);
  const int64_t shift = num_keys - num_queries;
  at::Tensor mask = at::ones({num_queries, num_keys}, options).tril(shift);
  if (window > 0) {
    mask = mask.triu(shift - window + 1);
  }
  return mask;
}

at::Tensor causal_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::vector<RowSpan>& spans,
    const CausalAttentionOptions& options) {
  // Zeros that know their inputs, so that a gradient is zero and not missing.
  const auto zero = [](const at::Tensor& x) {
    return x.masked_fill(at::ones({}, x.options().dtype(at::kBool)), 0.0);
  };
  at::Tensor out = zero(q) + zero(k.sum() + v.sum()).to(q.scalar_type());
  for (const RowSpan& span : spans) {
    const auto rows = [&](const at::Tensor& x) {
      return x.narrow(0, span.begin, span.length).transpose(0, 1).unsqueeze(0);
    };
    const bool has_window = options.window > 0 && options.window < span.length;
    const at::Tensor mask = has_window
        ? causal_mask(span.length, span.length, options.window, q.device())
        : at::Tensor();
    const at::Tensor attended_BHLK =
        attend(rows(q), rows(k), rows(v), mask, options.scale);
    out.narrow(0, span.begin, span.length)
        .copy_(attended_BHLK.squeeze(0).transpose(0, 1));
  }
  return out;
}

at::Tensor cached_causal_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const CausalAttentionOptions& options) {
  const at::Tensor mask =
      causal_mask(q.size(0), keys.size(1), options.window, q.device());
  return attend(
             q.transpose(0, 1).unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0),
             mask, options.scale)
      .squeeze(0)
      .transpose(0, 1)
      .contiguous();
}

at::Tensor full_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale) {
  return at::scaled_dot_product_attention(
             q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), std::nullopt,
             /*dropout_p=*/0.0, /*is_causal=*/false, scale,
             /*enable_gqa=*/q.size(2) != k.size(2))
      .transpose(1, 2)
      .contiguous();
}

} // namespace omni::kernels::reference
