// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Solar Open: Llama's attention with queries wider than the model, experts in every
// layer (arXiv 2601.07022).
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read(const JsonObject& config) {
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
  format.reasoning_begin = "<|think|>";
  format.reasoning_end = "<|end|>";
  format.call_syntax = CallSyntax::Marked;
  format.call_begin = "<|tool_call:begin|>";
  format.call_name = "<|tool_call:name|>";
  format.call_arguments = "<|tool_call:args|>";
  format.call_end = "<|tool_call:end|>";
  format.separators = {"<|begin|>assistant", "<|content|>", "<|end|>",
                       "<|tool_calls|>",     "<|calls|>",   "<|flush|>"};
  return model;
}

} // namespace

const Family solar_open{"solar_open", read};

} // namespace omni::families
