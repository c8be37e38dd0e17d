// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Qwen3 with experts: a softmax router, no shared expert.
#include <algorithm>

#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

FamilyModel read_qwen3_moe(const JsonObject& config) {
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  const bool slides = config.boolean_or("use_sliding_window", false);
  std::vector<int64_t> dense;
  if (config.has("mlp_only_layers")) {
    dense = config.integers("mlp_only_layers");
  }
  const int64_t every = config.integer_or("decoder_sparse_step", 1, 1);
  ExpertsConfig experts;
  // Newer transformers write the second name.
  experts.num_experts =
      config.integer_or("num_experts", config.integer_or("num_local_experts", 0, 0), 0);
  if (experts.num_experts > 0) {
    experts.experts_per_token = config.integer("num_experts_per_tok", 1);
    experts.width = config.integer("moe_intermediate_size", 1);
    experts.has_normalized_weights = config.boolean_or("norm_topk_prob", false);
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].has_qk_norm = true;
    layers[i].has_qkv_bias = layers[i].has_output_bias =
        config.boolean_or("attention_bias", false);
    layers[i].sliding_window = slides ? config.integer_or("sliding_window", 0, 0) : 0;
    const auto index = static_cast<int64_t>(i);
    const bool is_dense = std::find(dense.begin(), dense.end(), index) != dense.end();
    if (!is_dense && (index + 1) % every == 0) {
      layers[i].experts = experts;
    }
  }
  return model;
}

} // namespace

const Family qwen3_moe{"qwen3_moe", read_qwen3_moe};

} // namespace omni::families
