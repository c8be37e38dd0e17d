// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Granite: Llama with multipliers; logits are divided by theirs.
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  model.transformer.embedding_multiplier =
      config.number_or("embedding_multiplier", 1.0);
  model.transformer.residual_multiplier = config.number_or("residual_multiplier", 1.0);
  model.transformer.logits_multiplier = 1.0 / config.number_or("logits_scaling", 1.0);
  for (LayerConfig& layer : model.transformer.layers) {
    layer.has_qkv_bias = layer.has_output_bias =
        config.boolean_or("attention_bias", false);
    layer.has_feed_forward_bias = config.boolean_or("mlp_bias", false);
    layer.attention_scale = config.number_or("attention_multiplier", 1.0);
  }
  model.answer_format.call_begin = "<|tool_call|>";
  model.answer_format.call_end = ""; // a list until the answer ends
  return model;
}

} // namespace

const Family granite{"granite", read};

} // namespace omni::families
