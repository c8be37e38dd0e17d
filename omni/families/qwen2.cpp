// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Qwen2 and Qwen2.5, A.X 4.0: biases on queries, keys and values.
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_qwen2(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  auto& layers = model.transformer.layers;
  const std::vector<bool> is_sliding = read_late_sliding_layers(config, layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].has_qkv_bias = true;
    layers[i].sliding_window = is_sliding[i] ? config.integer("sliding_window", 1) : 0;
  }
  return model;
}

} // namespace

const Family qwen2{"qwen2", read_qwen2};

} // namespace omni::families
