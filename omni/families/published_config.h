// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What published config.json files have in common, read once for all families: sizes
// of a decoder, rotary settings in both spellings, kinds of layers, experts.
#pragma once

#include <string>
#include <vector>

#include "omni/core/json.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

// Layers of grouped queries with a dense feed-forward and norms before both, all alike,
// with the rotary settings of the file; norm_eps, tied head, context length.
// `num_key_value_heads` and `head_dim` may be missing or null.
[[nodiscard]] TransformerConfig read_decoder(const JsonObject& config);

// What a family's files may leave out of their rotary settings.
struct RotaryDefaults {
  double theta = 10000.0;
  const char* layer_type = "full_attention"; // whose settings, where each kind has some
};

// Rotary settings for heads of `head_width`: from `rope_parameters`, else from
// `rope_theta` and `rope_scaling`.
[[nodiscard]] RotaryConfig read_rotary(
    const JsonObject& config,
    int64_t head_width,
    const RotaryDefaults& defaults = {});

// The softmax scale of latent attention with `key_width` wide keys: YaRN's
// `mscale_all_dim` enters it, squared (DeepSeek-V2, appendix; as published code has
// it).
[[nodiscard]] double read_latent_scale(const JsonObject& config, int64_t key_width);

// Whether each layer slides: from `layer_types` when present, else all but each
// `sliding_window_pattern`-th. None does without `sliding_window`.
[[nodiscard]] std::vector<bool> read_sliding_layers(
    const JsonObject& config,
    size_t num_layers);

// The same as Qwen's files have it: from `layer_types` when present, else all from
// `max_window_layers` on. None does without `use_sliding_window`.
[[nodiscard]] std::vector<bool> read_late_sliding_layers(
    const JsonObject& config,
    size_t num_layers);

// Norms on heads; where `sliding_window` is given, the layers that slide have positions
// and the others none (EXAONE 4.0, arXiv 2507.11407).
void read_hybrid_attention(const JsonObject& config, std::vector<LayerConfig>& layers);

// Whether each layer has experts: from `mlp_layer_types` when present, else all from
// `first_k_dense_replace` on, every `moe_layer_freq`-th.
[[nodiscard]] std::vector<bool>
read_expert_layers(const JsonObject& config, size_t num_layers, int64_t default_first);

// What a family calls the numbers of its experts.
struct ExpertKeys {
  const char* num_experts = "n_routed_experts";
  const char* num_shared = "n_shared_experts";
};

// Experts with a sigmoid router as DeepSeek-V3 has them: groups if the file says so, a
// bias to choose by, weights that sum to `routed_scaling_factor`.
[[nodiscard]] ExpertsConfig read_sigmoid_experts(
    const JsonObject& config,
    const ExpertKeys& keys = {});

// Sizes of latent attention and its rotary settings on `layer`.
void read_latent_attention(const JsonObject& config, LayerConfig& layer);

} // namespace omni
