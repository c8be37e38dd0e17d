// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// HyperCLOVA X SEED Think: multipliers, which logits are multiplied by, and a second
// norm behind each sub-layer.
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_hyperclovax(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  model.transformer.embedding_multiplier =
      config.number_or("embedding_multiplier", 1.0);
  model.transformer.residual_multiplier = config.number_or("residual_multiplier", 1.0);
  model.transformer.logits_multiplier = config.number_or("logits_scaling", 1.0);
  const bool has_post_norm = config.boolean_or("use_post_norm", true);
  for (LayerConfig& layer : model.transformer.layers) {
    layer.has_qkv_bias = layer.has_output_bias =
        config.boolean_or("attention_bias", false);
    layer.has_feed_forward_bias = config.boolean_or("mlp_bias", false);
    layer.attention_scale = config.number_or("attention_multiplier", 0.0);
    layer.norm_placement = has_post_norm ? NormPlacement::Sandwich : NormPlacement::Pre;
  }
  model.names.set(
      {"layers.*.attention_post_norm.weight", {{"model.layers.*.post_norm1.weight"}}});
  model.names.set(
      {"layers.*.feed_forward_post_norm.weight",
       {{"model.layers.*.post_norm2.weight"}}});
  // As the model of 32B writes, then that of 14B, whose parts are turns of their own.
  AnswerFormat& format = model.answer_format;
  format.reasoning_begin = {"<think>", "/think"};
  format.reasoning_end = {"</think>", "<|im_end|>"};
  format.calls = {
      {.syntax = CallSyntax::KeyValues},
      {.begin = "-> tool/function_call", .end = "<|im_end|>"}};
  format.separators = {"<|im_start|>assistant", "<|im_end|>"};
  return model;
}

} // namespace

const Family hyperclovax{"hyperclovax", read_hyperclovax};

} // namespace omni::families
