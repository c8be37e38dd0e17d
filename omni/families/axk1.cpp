// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A.X K1: DeepSeek-V3 with one norm more, behind the experts (arXiv 2601.09200).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_axk1(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  const ExpertsConfig experts = read_sigmoid_experts(config);
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 1);
  for (size_t i = 0; i < layers.size(); ++i) {
    read_latent_attention(config, layers[i]);
    if (has_experts[i]) {
      layers[i].experts = experts;
      layers[i].norm_placement = NormPlacement::PreWithFeedForwardPost;
    } else {
      // Published files have the norm for dense layers too, which do not use it.
      const std::string layer = "model.layers." + std::to_string(i) + ".";
      model.names.add_unused(layer + "post_mlp_layernorm.weight");
      model.names.add_unused(layer + "mlp.post_mlp_layernorm.weight");
    }
  }
  set_latent_names(model.names);
  model.names.set(
      {"layers.*.feed_forward_post_norm.weight",
       {{"model.layers.*.post_mlp_layernorm.weight"},
        {"model.layers.*.mlp.post_mlp_layernorm.weight"}}});
  model.names.set(
      {"layers.*.feed_forward.router.choice_bias",
       {{"model.layers.*.mlp.gate.e_score_correction_bias"}},
       true});
  add_unused_predictors(model.names, layers.size());
  return model;
}

} // namespace

const Family axk1{"axk1", read_axk1};

} // namespace omni::families
