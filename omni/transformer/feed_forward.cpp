// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/feed_forward.h"

#include "kernels/kernels.h"
#include "omni/transformer/experts.h"

namespace omni {

DenseFeedForwardImpl::DenseFeedForwardImpl(const DenseFeedForwardOptions& options) {
  const int64_t width = options.width, inner = options.inner_width;
  gate_up = register_module(
      "gate_up", LinearMap(LinearMapOptions{width, 2 * inner, options.has_bias}));
  down = register_module(
      "down", LinearMap(LinearMapOptions{inner, width, options.has_bias}));
}

at::Tensor DenseFeedForwardImpl::forward(const at::Tensor& x) {
  return down->forward(kernels::swiglu(gate_up->forward(x)));
}

void DenseFeedForwardImpl::reset_parameters(double input_std, double output_std) {
  gate_up->reset_parameters(input_std);
  down->reset_parameters(output_std);
}

std::shared_ptr<FeedForwardImpl> make_feed_forward(
    const TransformerConfig& config,
    int64_t layer) {
  const LayerConfig& of_layer = config.layers[static_cast<size_t>(layer)];
  if (of_layer.experts.num_experts > 0) {
    return std::make_shared<ExpertsFeedForwardImpl>(config.width, of_layer.experts);
  }
  return std::make_shared<DenseFeedForwardImpl>(DenseFeedForwardOptions{
      config.width, of_layer.feed_forward_width, of_layer.has_feed_forward_bias});
}

} // namespace omni
