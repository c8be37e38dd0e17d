// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/experts.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <numeric>

#include "kernels/kernels.h"
#include "omni/core/initial_values.h"

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
  // Counted on the host, which needs the counts anyway.
  const at::Tensor experts = ids.to(at::kCPU).contiguous();
  const int64_t num_pairs = experts.numel(), per_row = experts.size(1);
  const int64_t* expert = experts.const_data_ptr<int64_t>();
  std::vector<int64_t> counts(static_cast<size_t>(num_experts), 0);
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    ++counts[static_cast<size_t>(expert[pair])];
  }
  std::vector<int64_t> next(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), int64_t{0});
  const at::Tensor rows = at::empty({num_pairs}, at::kLong);
  const at::Tensor places = at::empty({num_pairs}, at::kLong);
  int64_t* row = rows.mutable_data_ptr<int64_t>();
  int64_t* place = places.mutable_data_ptr<int64_t>();
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    place[pair] = next[static_cast<size_t>(expert[pair])]++;
    row[place[pair]] = pair / per_row;
  }
  return {std::move(counts), rows.to(ids.device()), places.to(ids.device())};
}

RoutedExpertsImpl::RoutedExpertsImpl(int64_t width, const ExpertsConfig& config) {
  gate_up = register_parameter(
      "gate_up", at::empty({config.num_experts, 2 * config.width, width}));
  down =
      register_parameter("down", at::empty({config.num_experts, width, config.width}));
}

at::Tensor RoutedExpertsImpl::forward(const at::Tensor& x, const ExpertChoice& choice) {
  const at::Tensor input = as_autocast_would(x);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const PairsByExpert pairs = sort_by_expert(choice.ids, gate_up.size(0));
  const at::Tensor sorted = input.index_select(0, pairs.rows);
  const at::Tensor inner =
      kernels::swiglu(kernels::grouped_linear(sorted, gate_up, pairs.counts));
  const at::Tensor outputs = kernels::grouped_linear(inner, down, pairs.counts);
  // Back in the order of rows: no two terms of a sum are added by different threads.
  const at::Tensor terms = outputs.index_select(0, pairs.places)
                               .view({x.size(0), choice.ids.size(1), x.size(1)})
                               .to(choice.weights.scalar_type());
  return at::bmm(choice.weights.unsqueeze(1), terms).squeeze(1).to(input.scalar_type());
}

void RoutedExpertsImpl::reset_parameters(double input_std, double output_std) {
  fill_normal(gate_up, input_std);
  fill_normal(down, output_std);
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
  return shared ? shared->quantizable() : std::vector<LinearMap>();
}

} // namespace omni
