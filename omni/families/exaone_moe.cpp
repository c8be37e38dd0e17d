// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// K-EXAONE: EXAONE 4's attention, norms before the sub-layers, experts (arXiv
// 2601.01739).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  const std::vector<bool> is_sliding = read_sliding_layers(config, layers.size());
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 1);
  const bool is_hybrid = config.has("sliding_window");
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].has_qk_norm = true;
    if (is_sliding[i]) {
      layers[i].sliding_window = config.integer("sliding_window", 1);
    } else if (is_hybrid) {
      layers[i].rotary = RotaryConfig();
      layers[i].rotary.kind = RotaryKind::None;
    }
    if (has_experts[i]) {
      layers[i].experts =
          read_sigmoid_experts(config, {"num_experts", "num_shared_experts"});
    }
  }
  add_unused_predictors(model.names, layers.size());
  return model;
}

} // namespace

const Family exaone_moe{"exaone_moe", read};

} // namespace omni::families
