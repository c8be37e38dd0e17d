// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Granite: Llama with multipliers; logits are divided by theirs.
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_granite(const JsonObject& config) {
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
  AnswerFormat& format = model.answer_format;
  // Granite 3.2 thinks in the second way. What follows the first is marked too.
  format.reasoning_begin = {"<think>", "Here is my thought process:"};
  format.reasoning_end = {"</think>", "Here is my response:"};
  format.text_begin = "<response>";
  format.text_end = "</response>";
  // Granite 4, and 3.
  format.calls = {CallFormat(), {.begin = "<|tool_call|>", .end = ""}};
  return model;
}

} // namespace

const Family granite{"granite", read_granite};

} // namespace omni::families
