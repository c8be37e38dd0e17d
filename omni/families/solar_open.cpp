// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Solar Open: Llama's attention with queries wider than the model, experts in every
// layer (arXiv 2601.07022).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_solar_open(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  const ExpertsConfig experts = read_sigmoid_experts(config);
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 0);
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].head_width = config.integer_or("head_dim", 128, 1);
    layers[i].rotary = read_rotary(config, layers[i].head_width, {.theta = 1e6});
    layers[i].has_qkv_bias = config.boolean_or("attention_bias", false);
    if (has_experts[i]) {
      layers[i].experts = experts;
    }
  }
  AnswerFormat& format = model.answer_format;
  format.reasoning_begin = {"<|think|>"};
  format.reasoning_end = {"<|end|>"};
  format.calls = {
      {.begin = "<|tool_call:begin|>",
       .end = "<|tool_call:end|>",
       .syntax = CallSyntax::Pattern,
       .pattern = "{id}<|tool_call:name|>{name}<|tool_call:args|>{arguments}"}};
  format.separators = {"<|begin|>assistant", "<|content|>", "<|end|>",
                       "<|tool_calls|>",     "<|calls|>",   "<|flush|>"};
  return model;
}

} // namespace

const Family solar_open{"solar_open", read_solar_open};

} // namespace omni::families
