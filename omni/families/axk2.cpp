// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A.X K2: DeepSeek-V3's latent attention and experts, an index that chooses what each
// row attends to (arXiv 2512.02556), gates on norms and on the attention's output.
#include "omni/core/errors.h"
#include "omni/families/families.h"
#include "omni/families/published_config.h"

namespace omni::families {
namespace {

void check_layer_types(const JsonObject& config) {
  if (!config.has("layer_types")) {
    return;
  }
  for (const std::string& type : config.strings("layer_types")) {
    if (type != "indexed_attention") {
      throw ValueError(
          "config",
          "expected `layer_types` to hold indexed_attention, got \"" +
              type.substr(0, 60) + "\".");
    }
  }
}

void read_attention(const JsonObject& config, LayerConfig& layer) {
  read_latent_attention(config, layer);
  layer.rotary.kind = RotaryKind::InterleavedPairs; // whatever the file says
  layer.latent.q_rank = config.integer("q_lora_rank", 1);
  layer.latent.has_output_gate = true;
  layer.latent.index.kept_rows = config.integer("index_topk", 1);
  layer.latent.index.num_heads = config.integer("index_n_heads", 1);
  layer.latent.index.width = config.integer("index_head_dim", 1);
}

// What newer transformers write follows the published name.
void set_names(NameTable& names) {
  const std::string layer = "model.layers.*.";
  const auto set_norm = [&](const std::string& ours, const std::string& theirs) {
    const std::string norm = layer + theirs + ".";
    names.set({"layers.*." + ours + ".norm_weight", {{norm + "norm.weight"}}});
    names.set(
        {"layers.*." + ours + ".gate_down.weight",
         {{norm + "W_down.weight"}, {norm + "mlp.fc1.weight"}}});
    names.set(
        {"layers.*." + ours + ".gate_up.weight",
         {{norm + "W_up.weight"}, {norm + "mlp.fc2.weight"}}});
  };
  set_norm("attention_norm", "input_layernorm");
  set_norm("feed_forward_norm", "post_attention_layernorm");
  const std::string attention = layer + "self_attn.";
  names.set(
      {"layers.*.attention.q_up.weight",
       {{attention + "q_b_proj.weight"}, {attention + "q_gate_proj.weight"}}});
  const auto set_index = [&](const std::string& ours, const std::string& theirs) {
    names.set(
        {"layers.*.attention.index." + ours, {{attention + "indexer." + theirs}}});
  };
  set_index("q.weight", "wq_b.weight");
  set_index("k.weight", "wk.weight");
  set_index("k_norm.weight", "k_norm.weight");
  set_index("k_norm.bias", "k_norm.bias");
  set_index("head_weights.weight", "weights_proj.weight");
}

FamilyModel read_axk2(const JsonObject& config) {
  check_layer_types(config);
  FamilyModel model{read_decoder(config), common_expert_names()};
  auto& layers = model.transformer.layers;
  ExpertsConfig experts = read_sigmoid_experts(config);
  experts.has_soft_groups = true;
  const std::vector<bool> has_experts = read_expert_layers(config, layers.size(), 1);
  const int64_t norm_rank = config.integer("gated_norm_rank", 1);
  for (size_t i = 0; i < layers.size(); ++i) {
    read_attention(config, layers[i]);
    layers[i].attention_norm_rank = norm_rank;
    if (has_experts[i]) {
      layers[i].experts = experts;
      layers[i].feed_forward_norm_rank = norm_rank;
    }
  }
  set_latent_names(model.names);
  set_names(model.names);
  add_unused_predictors(model.names, layers.size());
  return model;
}

} // namespace

const Family axk2{"axk2", read_axk2};

} // namespace omni::families
