// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// K-EXAONE: EXAONE 4's attention, norms before the sub-layers, experts (arXiv
// 2601.01739).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_exaone_moe(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  read_hybrid_attention(config, layers);
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 1);
  for (size_t i = 0; i < layers.size(); ++i) {
    if (has_experts[i]) {
      layers[i].experts =
          read_sigmoid_experts(config, {"num_experts", "num_shared_experts"});
    }
  }
  add_unused_predictors(model.names, layers.size());
  return model;
}

} // namespace

const Family exaone_moe{"exaone_moe", read_exaone_moe};

} // namespace omni::families
