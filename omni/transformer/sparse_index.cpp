// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/sparse_index.h"

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace omni {

IndexRows IndexRows::narrow(int64_t begin, int64_t size) const {
  return {
      q.narrow(0, begin, size), k.narrow(0, begin, size),
      weights.narrow(0, begin, size)};
}

SparseIndexImpl::SparseIndexImpl(int64_t width, const LatentConfig& latent)
    : config(latent.index) {
  const auto map = [&](const char* name, int64_t in, int64_t out) {
    return register_module(name, LinearMap(LinearMapOptions{in, out}));
  };
  q = map("q", latent.q_rank, config.num_heads * config.width);
  k = map("k", width, config.width);
  k_norm = register_module(
      "k_norm",
      torch::nn::LayerNorm(
          torch::nn::LayerNormOptions({config.width}).eps(config.norm_eps)));
  head_weights = map("head_weights", width, config.num_heads);
  for (at::Tensor& parameter : parameters()) {
    parameter.set_requires_grad(false);
  }
}

IndexRows SparseIndexImpl::project(
    const at::Tensor& x,
    const at::Tensor& q_latent,
    const kernels::RotaryTables& rotary) {
  const at::NoGradGuard no_grad;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::ScalarType stored = q->weight.scalar_type();
  at::Tensor q_LHK =
      q->forward(q_latent.to(stored)).unflatten(1, {config.num_heads, config.width});
  at::Tensor k_LGK = k_norm->forward(k->forward(x.to(stored))).unsqueeze(1);
  if (rotary.cos.defined()) {
    const auto turned = kernels::qk_norm_rope(q_LHK, k_LGK, rotary);
    q_LHK = turned.q;
    k_LGK = turned.k;
  }
  const at::ScalarType compute = stored == at::kDouble ? at::kDouble : at::kFloat;
  return {
      q_LHK, k_LGK.squeeze(1),
      at::linear(x.to(compute), head_weights->weight.to(compute))};
}

// Scores are only compared, so the factors K^-0.5 and H^-0.5, which all of them have in
// common, are left out. Ties are common: every row that no head has a product above 0
// with scores 0. The earliest of them are kept, where topk() would take any, so that a
// choice does not depend on the rows decided at once or on later ones.
at::Tensor SparseIndexImpl::choose(const IndexRows& rows, const at::Tensor& keys)
    const {
  const at::NoGradGuard no_grad;
  const int64_t num_rows = rows.q.size(0), num_keys = keys.size(0);
  const at::Tensor is_seen_LS =
      at::ones({num_rows, num_keys}, keys.options().dtype(at::kBool))
          .tril(num_keys - num_rows);
  if (num_keys <= config.kept_rows) {
    return is_seen_LS;
  }
  const at::ScalarType compute = rows.weights.scalar_type();
  const at::Tensor products_LHS =
      at::mm(rows.q.to(compute).flatten(0, 1), keys.to(compute).t())
          .relu_()
          .unflatten(0, {num_rows, config.num_heads});
  const at::Tensor scores_LS =
      at::bmm(rows.weights.unsqueeze(1), products_LHS)
          .squeeze(1)
          .masked_fill_(
              is_seen_LS.logical_not(), -std::numeric_limits<double>::infinity());
  const at::Tensor least_L1 =
      std::get<0>(scores_LS.topk(config.kept_rows)).amin(-1, /*keepdim=*/true);
  const at::Tensor num_kept_ties_L1 =
      config.kept_rows - scores_LS.gt(least_L1).sum(-1, /*keepdim=*/true);
  const at::Tensor is_tied_LS = scores_LS.eq(least_L1);
  const at::Tensor is_dropped_LS = scores_LS.lt(least_L1).logical_or_(
      is_tied_LS.logical_and(is_tied_LS.cumsum(-1, at::kInt).gt(num_kept_ties_L1)));
  // Scores that are NaN drop nothing, and so show.
  return is_dropped_LS.logical_not_().logical_and_(is_seen_LS);
}

at::Tensor SparseIndexImpl::attend(
    const AttendedRows& attended,
    const IndexRows& rows,
    const at::Tensor& index_keys,
    double scale) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  // Bounds what exists at once of the scores, [64, H, S].
  constexpr int64_t kRowsAtOnce = 64;
  const auto heads_first = [](const at::Tensor& x_LHK) {
    return x_LHK.transpose(0, 1).unsqueeze(0);
  };
  const int64_t num_rows = attended.q.size(0);
  const int64_t num_before = attended.keys.size(0) - num_rows;
  std::vector<at::Tensor> pieces;
  for (int64_t begin = 0; begin < num_rows; begin += kRowsAtOnce) {
    const int64_t size = std::min(kRowsAtOnce, num_rows - begin);
    const int64_t num_seen = num_before + begin + size;
    const at::Tensor is_chosen_LS =
        choose(rows.narrow(begin, size), index_keys.narrow(0, 0, num_seen));
    const at::Tensor attended_BHLK = at::scaled_dot_product_attention(
        heads_first(attended.q.narrow(0, begin, size)),
        heads_first(attended.keys.narrow(0, 0, num_seen)),
        heads_first(attended.values.narrow(0, 0, num_seen)), is_chosen_LS,
        /*dropout_p=*/0.0, /*is_causal=*/false, scale);
    pieces.push_back(attended_BHLK.squeeze(0).transpose(0, 1));
  }
  return pieces.size() == 1 ? pieces.front() : at::cat(pieces);
}

at::Tensor SparseIndexImpl::attend_spans(
    const AttendedRows& attended,
    const IndexRows& rows,
    const std::vector<kernels::RowSpan>& spans,
    double scale) const {
  std::vector<at::Tensor> pieces;
  int64_t end = 0; // of what the pieces cover
  const auto cover_until = [&](int64_t row) {
    if (row > end) { // rows in no span
      pieces.push_back(at::zeros_like(attended.q.narrow(0, end, row - end)));
    }
  };
  for (const auto& [begin, length] : spans) {
    cover_until(begin);
    const IndexRows of_span = rows.narrow(begin, length);
    pieces.push_back(attend(
        {attended.q.narrow(0, begin, length), attended.keys.narrow(0, begin, length),
         attended.values.narrow(0, begin, length)},
        of_span, of_span.k, scale));
    end = begin + length;
  }
  cover_until(attended.q.size(0));
  return at::cat(pieces);
}

void SparseIndexImpl::reset_parameters(double input_std) {
  for (LinearMap* map : {&q, &k, &head_weights}) {
    (*map)->reset_parameters(input_std);
  }
  k_norm->reset_parameters();
}

} // namespace omni
