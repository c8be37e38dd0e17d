// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Plain versions of the ops of expert_rows.h.
#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "kernels/reference.h"

namespace omni::kernels::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Keeps sigmoid scores that are all 0 finite; lost in any other sum.
constexpr double kLeastSum = 1e-20;

at::Tensor without_nan(const at::Tensor& x) {
  return at::nan_to_num(x, -kInfinity, kInfinity, -kInfinity);
}

// Places of the largest of each row, the first of equals first.
at::Tensor best_of(const at::Tensor& x, int64_t count) {
  return std::get<1>(x.sort(/*stable=*/true, /*dim=*/-1, /*descending=*/true))
      .narrow(-1, 0, count);
}

// choice [L, E] with -infinity, or 0, outside each row's best groups.
at::Tensor within_groups(const at::Tensor& choice, const RouteOptions& options) {
  const int64_t group_size = choice.size(1) / options.num_groups;
  const at::Tensor grouped =
      choice.reshape({choice.size(0), options.num_groups, group_size});
  const at::Tensor best = std::get<0>(grouped.topk(std::min<int64_t>(2, group_size)));
  const at::Tensor kept = best_of(without_nan(best.sum(-1)), options.kept_groups);
  const at::Tensor is_dropped =
      at::ones({choice.size(0), options.num_groups}, choice.options().dtype(at::kBool))
          .scatter(1, kept, false);
  return grouped
      .masked_fill(is_dropped.unsqueeze(-1), options.has_soft_groups ? 0.0 : -kInfinity)
      .reshape(choice.sizes());
}

} // namespace

ExpertRoutes route_experts(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options) {
  const at::Tensor used = logits.to(compute_dtype(logits));
  const at::Tensor scores = options.is_softmax ? used.softmax(-1) : used.sigmoid();
  at::Tensor choice = scores.detach();
  if (bias.has_value()) {
    choice = choice + bias->detach().to(scores.scalar_type());
  }
  choice = without_nan(choice);
  if (options.num_groups > 1) {
    choice = within_groups(choice, options);
  }
  const at::Tensor ids = best_of(choice, options.experts_per_row).contiguous();
  at::Tensor weights = scores.gather(-1, ids);
  if (options.has_normalized_weights) {
    weights = weights / (weights.sum(-1, /*keepdim=*/true) + kLeastSum);
  }
  if (options.weight_scale != 1.0) {
    weights = weights * options.weight_scale;
  }
  return {ids, weights};
}

SortedPairs sort_pairs(const at::Tensor& ids, int64_t num_experts) {
  const at::Tensor experts = ids.flatten().to(at::kLong);
  const at::Tensor order = experts.argsort(/*stable=*/true, /*dim=*/0);
  const at::Tensor numbers = at::arange(experts.size(0), experts.options());
  return {
      order.div(std::max<int64_t>(ids.size(1), 1), "floor"),
      at::empty_like(order).scatter(0, order, numbers),
      at::zeros({num_experts}, experts.options())
          .scatter_add(0, experts, at::ones_like(experts))};
}

at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& rows) {
  return x.to(compute_dtype(x)).index_select(0, rows).to(x.scalar_type());
}

at::Tensor
combine_rows(const at::Tensor& y, const at::Tensor& places, const at::Tensor& weights) {
  const at::ScalarType compute = compute_dtype(y);
  const at::Tensor terms = y.to(compute).index_select(0, places).view(
      {weights.size(0), weights.size(1), y.size(1)});
  return at::bmm(weights.to(compute).unsqueeze(1), terms)
      .squeeze(1)
      .to(y.scalar_type());
}

} // namespace omni::kernels::reference
