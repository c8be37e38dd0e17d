// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Qwen3: a norm on every head of queries and keys.
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_qwen3(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  auto& layers = model.transformer.layers;
  const std::vector<bool> is_sliding = read_late_sliding_layers(config, layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].has_qk_norm = true;
    layers[i].has_qkv_bias = layers[i].has_output_bias =
        config.boolean_or("attention_bias", false);
    layers[i].sliding_window = is_sliding[i] ? config.integer("sliding_window", 1) : 0;
  }
  return model;
}

} // namespace

const Family qwen3{"qwen3", read_qwen3};

} // namespace omni::families
