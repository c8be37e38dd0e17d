// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/transformer/small_transformer.h"

#include <torch/utils.h>

namespace omni::testing {

TransformerConfig make_config(NormPlacement placement, int64_t window, bool rotates) {
  TransformerConfig config;
  config.vocab_size = 50;
  config.width = 32;
  config.residual_multiplier = 0.7;
  config.embedding_multiplier = 1.3;
  config.max_positions = 256;
  LayerConfig layer;
  layer.num_heads = 4;
  layer.num_kv_heads = 2;
  layer.head_width = 12; // the query width is not the model's
  layer.has_qk_norm = true;
  layer.has_qkv_bias = true;
  layer.feed_forward_width = 40;
  layer.norm_placement = placement;
  layer.rotary.axis_layout = AxisLayout::Sectioned;
  layer.rotary.axis_sections = {2, 2, 2};
  layer.sliding_window = window;
  config.layers.push_back(layer);
  layer.sliding_window = 0;
  layer.rotary.kind = rotates ? RotaryKind::InterleavedPairs : RotaryKind::None;
  config.layers.push_back(layer);
  return config;
}

Transformer make_transformer(const TransformerConfig& config) {
  torch::manual_seed(3);
  Transformer model(config);
  const at::NoGradGuard guard;
  for (const auto& item : model->named_parameters()) {
    if (item.value().dim() == 1) { // norms and biases that do something
      item.value().add_(at::randn(item.value().sizes()) * 0.2);
    }
  }
  model->eval();
  return model;
}

Inputs make_inputs(int64_t length, int64_t seed) {
  torch::manual_seed(static_cast<uint64_t>(seed));
  return {at::randn({1, length, 32}), at::cumsum(at::rand({1, length, 3}), 1)};
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

double relative_difference(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor wanted = expected.to(at::kFloat);
  const at::Tensor error = got.to(at::kFloat) - wanted;
  return (error.square().mean() / wanted.square().mean()).sqrt().item<double>();
}

} // namespace omni::testing
