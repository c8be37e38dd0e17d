// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/experts.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "kernels/expert_rows.h"
#include "kernels/kernels.h"

namespace omni {
namespace {

// Our ops are blind to autocast, so what it does to a linear map's input is done here.
at::Tensor as_autocast_would(const at::Tensor& x) {
  const at::DeviceType device = x.device().type();
  const bool is_cast = x.scalar_type() == at::kFloat &&
      at::autocast::is_autocast_available(device) &&
      at::autocast::is_autocast_enabled(device);
  return is_cast ? x.to(at::autocast::get_autocast_dtype(device)) : x;
}

} // namespace

PairsByExpert sort_by_expert(const at::Tensor& ids, int64_t num_experts) {
  const kernels::SortedPairs sorted = kernels::sort_pairs(ids, num_experts);
  const at::Tensor counts = sorted.counts.to(at::kCPU);
  const int64_t* count = counts.const_data_ptr<int64_t>();
  return {{count, count + num_experts}, sorted.rows, sorted.places};
}

RoutedExpertsImpl::RoutedExpertsImpl(int64_t width, const ExpertsConfig& config)
    : num_experts_(config.num_experts) {
  gate_up = register_module(
      "gate_up",
      LinearMap(LinearMapOptions{width, 2 * config.width, false, config.num_experts}));
  down = register_module(
      "down",
      LinearMap(LinearMapOptions{config.width, width, false, config.num_experts}));
}

at::Tensor RoutedExpertsImpl::forward(const at::Tensor& x, const ExpertChoice& choice) {
  const at::Tensor input = as_autocast_would(x);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const PairsByExpert pairs = sort_by_expert(choice.ids, num_experts_);
  const at::Tensor sorted = kernels::gather_rows(input, pairs.rows);
  const at::Tensor inner =
      kernels::swiglu(gate_up->forward_blocks(sorted, pairs.counts));
  const at::Tensor outputs = down->forward_blocks(inner, pairs.counts);
  return kernels::combine_rows(outputs, pairs.places, choice.weights);
}

void RoutedExpertsImpl::reset_parameters(double input_std, double output_std) {
  gate_up->reset_parameters(input_std);
  down->reset_parameters(output_std);
}

ExpertsFeedForwardImpl::ExpertsFeedForwardImpl(
    int64_t width,
    const ExpertsConfig& config) {
  router = register_module("router", ExpertRouter(width, config));
  experts = register_module("experts", RoutedExperts(width, config));
  if (config.shared_width > 0) {
    shared = register_module(
        "shared",
        std::make_shared<DenseFeedForwardImpl>(
            DenseFeedForwardOptions{width, config.shared_width}));
  }
  if (config.shared_width > 0 && config.is_shared_gated) {
    shared_gate = register_module("shared_gate", LinearMap(LinearMapOptions{width, 1}));
  }
}

at::Tensor ExpertsFeedForwardImpl::forward(const at::Tensor& x) {
  const at::Tensor routed = experts->forward(x, router->forward(x));
  if (!shared) {
    return routed;
  }
  at::Tensor always = shared->forward(x);
  if (shared_gate) {
    always = always * shared_gate->forward(x).sigmoid();
  }
  return routed + always;
}

void ExpertsFeedForwardImpl::reset_parameters(double input_std, double output_std) {
  router->reset_parameters(input_std);
  experts->reset_parameters(input_std, output_std);
  if (shared) {
    shared->reset_parameters(input_std, output_std);
  }
  if (shared_gate) {
    shared_gate->reset_parameters(input_std);
  }
}

std::vector<LinearMap> ExpertsFeedForwardImpl::quantizable() const {
  std::vector<LinearMap> maps = {experts->gate_up, experts->down};
  if (shared) {
    const std::vector<LinearMap> of_shared = shared->quantizable();
    maps.insert(maps.end(), of_shared.begin(), of_shared.end());
  }
  return maps;
}

} // namespace omni
