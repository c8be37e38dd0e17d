// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// EXAONE 4.0: norms only behind the sub-layers; where some layers slide, only those
// turn (arXiv 2507.11407).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_exaone4(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  auto& layers = model.transformer.layers;
  read_hybrid_attention(config, layers);
  for (LayerConfig& layer : layers) {
    layer.norm_placement = NormPlacement::Post;
  }
  model.names.set(
      {"layers.*.attention_post_norm.weight",
       {{"model.layers.*.post_attention_layernorm.weight"}}});
  model.names.set(
      {"layers.*.feed_forward_post_norm.weight",
       {{"model.layers.*.post_feedforward_layernorm.weight"}}});
  add_unused_predictors(model.names, layers.size());
  return model;
}

} // namespace

const Family exaone4{"exaone4", read_exaone4};

} // namespace omni::families
