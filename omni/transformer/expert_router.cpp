// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/expert_router.h"

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <limits>

#include "omni/core/initial_values.h"

namespace omni {
namespace {

// Keeps sigmoid scores that are all 0 finite; lost in any other sum.
constexpr double kLeastSum = 1e-20;

// choice [L, num_experts] with -infinity, or 0, outside each row's best groups. A group
// is as good as its two best experts together (arXiv 2412.19437).
at::Tensor within_groups(const at::Tensor& choice, const ExpertsConfig& config) {
  const int64_t group_size = config.num_experts / config.num_groups;
  const at::Tensor grouped =
      choice.reshape({choice.size(0), config.num_groups, group_size});
  const at::Tensor best = std::get<0>(grouped.topk(std::min<int64_t>(2, group_size)));
  const at::Tensor kept = std::get<1>(best.sum(-1).topk(config.kept_groups));
  const at::Tensor is_dropped =
      at::ones({choice.size(0), config.num_groups}, choice.options().dtype(at::kBool))
          .scatter_(1, kept, false);
  const double dropped =
      config.has_soft_groups ? 0.0 : -std::numeric_limits<double>::infinity();
  return grouped.masked_fill(is_dropped.unsqueeze(-1), dropped).reshape(choice.sizes());
}

} // namespace

ExpertRouterImpl::ExpertRouterImpl(int64_t width, const ExpertsConfig& config_in)
    : config(config_in) {
  weight = register_parameter("weight", at::empty({config.num_experts, width}));
  choice_bias = register_parameter(
      "choice_bias",
      config.has_choice_bias ? at::empty({config.num_experts}) : at::Tensor(),
      /*requires_grad=*/false);
}

// Ids [L, experts_per_token] by scores [L, num_experts].
at::Tensor ExpertRouterImpl::choose(const at::Tensor& scores) const {
  const at::NoGradGuard no_grad;
  at::Tensor choice = scores;
  if (choice_bias.defined()) {
    choice = choice + choice_bias.to(scores.scalar_type());
  }
  if (config.num_groups > 1) {
    choice = within_groups(choice, config);
  }
  return std::get<1>(choice.topk(config.experts_per_token));
}

ExpertChoice ExpertRouterImpl::forward(const at::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::ScalarType dtype =
      x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor logits = at::linear(x.to(dtype), weight.to(dtype));
  const at::Tensor scores =
      config.score == RouterScore::Softmax ? logits.softmax(-1) : logits.sigmoid();
  const at::Tensor ids = choose(scores);
  at::Tensor weights = scores.gather(-1, ids);
  if (config.has_normalized_weights) {
    weights = weights / (weights.sum(-1, /*keepdim=*/true) + kLeastSum);
  }
  if (config.weight_scale != 1.0) {
    weights = weights * config.weight_scale;
  }
  return {ids, weights};
}

void ExpertRouterImpl::reset_parameters(double weight_std) {
  fill_normal(weight, weight_std);
  if (choice_bias.defined()) {
    torch::nn::init::zeros_(choice_bias);
  }
}

} // namespace omni
