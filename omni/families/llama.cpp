// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Llama, and what is built as it: HyperCLOVA X SEED Text, A.X 3.1 Light, SmolLM2.
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_llama(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_names()};
  for (LayerConfig& layer : model.transformer.layers) {
    layer.has_qkv_bias = layer.has_output_bias =
        config.boolean_or("attention_bias", false);
    layer.has_feed_forward_bias = config.boolean_or("mlp_bias", false);
  }
  // Of SmolLM2 and many others; Llama's own, which has no mark where it may do without.
  model.answer_format.calls = {
      CallFormat(), {.begin = "<|python_tag|>", .end = ""}, {.begin = "", .end = ""}};
  return model;
}

} // namespace

const Family llama{"llama", read_llama};

} // namespace omni::families
