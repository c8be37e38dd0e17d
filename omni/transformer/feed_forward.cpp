// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/feed_forward.h"

#include "kernels/kernels.h"

namespace omni {

DenseFeedForwardImpl::DenseFeedForwardImpl(int64_t width, const LayerConfig& config) {
  const int64_t inner = config.feed_forward_width;
  const bool has_bias = config.has_feed_forward_bias;
  gate_up = register_module(
      "gate_up", LinearMap(LinearMapOptions{width, 2 * inner, has_bias}));
  down = register_module("down", LinearMap(LinearMapOptions{inner, width, has_bias}));
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
  return std::make_shared<DenseFeedForwardImpl>(
      config.width, config.layers[static_cast<size_t>(layer)]);
}

} // namespace omni
