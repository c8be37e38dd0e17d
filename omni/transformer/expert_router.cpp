// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/expert_router.h"

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "kernels/expert_rows.h"
#include "omni/core/initial_values.h"

namespace omni {

ExpertRouterImpl::ExpertRouterImpl(int64_t width, const ExpertsConfig& config_in)
    : config(config_in) {
  weight = register_parameter("weight", at::empty({config.num_experts, width}));
  choice_bias = register_parameter(
      "choice_bias",
      config.has_choice_bias ? at::empty({config.num_experts}) : at::Tensor(),
      /*requires_grad=*/false);
}

ExpertChoice ExpertRouterImpl::forward(const at::Tensor& x) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::ScalarType dtype =
      x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor logits = at::linear(x.to(dtype), weight.to(dtype));
  const auto bias =
      choice_bias.defined() ? std::optional<at::Tensor>(choice_bias) : std::nullopt;
  auto routes = kernels::route_experts(
      logits, bias,
      {config.experts_per_token, config.score == RouterScore::Softmax,
       config.num_groups, config.kept_groups, config.has_soft_groups,
       config.has_normalized_weights, config.weight_scale});
  return {routes.ids, routes.weights};
}

void ExpertRouterImpl::reset_parameters(double weight_std) {
  fill_normal(weight, weight_std);
  if (choice_bias.defined()) {
    torch::nn::init::zeros_(choice_bias);
  }
}

} // namespace omni
