// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// VAETKI: latent attention that slides in five layers of six, norms around every
// sub-layer whose weights are stored less one, experts chosen without a bias (its
// technical report).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_vaetki(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  model.transformer.norm_weight_offset = 1.0;
  auto& layers = model.transformer.layers;
  const std::vector<bool> is_sliding = read_sliding_layers(config, layers.size());
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 0);
  ExpertsConfig experts = read_sigmoid_experts(config);
  experts.has_choice_bias = false;
  experts.num_groups = experts.kept_groups = 1;
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerConfig& layer = layers[i];
    read_latent_attention(config, layer);
    layer.latent.norm_eps = model.transformer.norm_eps;
    layer.norm_placement = NormPlacement::Sandwich;
    if (is_sliding[i]) {
      layer.sliding_window = config.integer("sliding_window", 1);
      layer.attention_scale = 0.0;
      layer.rotary = RotaryConfig();
      layer.rotary.kind = RotaryKind::InterleavedPairs;
      layer.rotary.theta = config.number_or("rope_theta", 1e4);
    } else {
      layer.rotary.theta = config.number_or("rope_theta_global", 1e6);
      constexpr double kInterpolation = 8.0; // where no scaling is given
      if (!config.has("rope_scaling")) {
        layer.rotary.position_scale = 1.0 / kInterpolation;
      }
    }
    if (has_experts[i]) {
      layer.experts = experts;
    }
  }
  set_latent_names(model.names);
  const auto set_norm = [&](const char* ours, const char* theirs) {
    model.names.set(
        {std::string("layers.*.") + ours + ".weight",
         {{std::string("model.layers.*.") + theirs + ".weight"}}});
  };
  set_norm("attention_post_norm", "post_attention_layernorm");
  set_norm("feed_forward_norm", "pre_mlp_layernorm");
  set_norm("feed_forward_post_norm", "post_mlp_layernorm");
  return model;
}

} // namespace

const Family vaetki{"vaetki", read_vaetki};

} // namespace omni::families
