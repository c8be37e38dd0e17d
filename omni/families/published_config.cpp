// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/families/published_config.h"

#include <cmath>

#include "omni/core/errors.h"

namespace omni {
namespace {

// Before as many layers are made; check_config() would come too late.
constexpr int64_t kMaxLayers = 1024;

[[noreturn]] void fail(const std::string& message) {
  throw ValueError("config", message);
}

int64_t read_num_layers(const JsonObject& config) {
  const int64_t count = config.integer("num_hidden_layers", 1);
  if (count > kMaxLayers) {
    fail(
        "expected `num_hidden_layers` between 1 and " + std::to_string(kMaxLayers) +
        ", got " + std::to_string(count) + ".");
  }
  return count;
}

double yarn_magnitude(double factor, double weight) {
  return factor <= 1.0 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0;
}

RotaryScaling read_llama3(const JsonObject& rope) {
  RotaryScaling scaling;
  scaling.rule = ScalingRule::Llama3;
  scaling.factor = rope.number("factor");
  scaling.slow_turns = rope.number("low_freq_factor");
  scaling.fast_turns = rope.number("high_freq_factor");
  scaling.original_positions = rope.number("original_max_position_embeddings");
  return scaling;
}

RotaryScaling read_yarn(const JsonObject& rope, double max_positions) {
  RotaryScaling scaling;
  scaling.rule = ScalingRule::Yarn;
  scaling.original_positions = rope.number("original_max_position_embeddings");
  scaling.factor = rope.number_or("factor", max_positions / scaling.original_positions);
  scaling.fast_turns = rope.number_or("beta_fast", 32.0);
  scaling.slow_turns = rope.number_or("beta_slow", 1.0);
  scaling.has_whole_bounds = rope.boolean_or("truncate", true);
  const double weight = rope.number_or("mscale", 0.0);
  const double weight_of_all = rope.number_or("mscale_all_dim", 0.0);
  const double magnitude = weight != 0.0 && weight_of_all != 0.0
      ? yarn_magnitude(scaling.factor, weight) /
          yarn_magnitude(scaling.factor, weight_of_all)
      : yarn_magnitude(scaling.factor, 1.0);
  scaling.attention_factor = rope.number_or("attention_factor", magnitude);
  return scaling;
}

// Where the settings are beside theta, in either spelling; empty: nowhere.
std::vector<JsonObject> rope_objects(
    const JsonObject& config,
    const RotaryDefaults& defaults) {
  if (config.has("rope_parameters")) {
    const JsonObject all = config.object("rope_parameters");
    return {all.has(defaults.layer_type) ? all.object(defaults.layer_type) : all};
  }
  if (config.has("rope_scaling")) {
    return {config.object("rope_scaling")};
  }
  return {};
}

std::string rope_type(const JsonObject& rope) {
  return rope.string_or("rope_type", rope.string_or("type", "default"));
}

} // namespace

RotaryConfig read_rotary(
    const JsonObject& config,
    int64_t head_width,
    const RotaryDefaults& defaults) {
  RotaryConfig rotary;
  rotary.theta = config.number_or("rope_theta", defaults.theta);
  double share = config.number_or("partial_rotary_factor", 1.0);
  for (const JsonObject& rope : rope_objects(config, defaults)) {
    rotary.theta = rope.number_or("rope_theta", rotary.theta);
    share = rope.number_or("partial_rotary_factor", share);
    const std::string type = rope_type(rope);
    if (type == "linear") {
      const double factor = rope.number("factor");
      if (!(factor > 0.0)) {
        fail("expected a rotary `factor` above 0, got " + std::to_string(factor) + ".");
      }
      rotary.position_scale = 1.0 / factor;
    } else if (type == "llama3") {
      rotary.scaling = read_llama3(rope);
    } else if (type == "yarn") {
      rotary.scaling = read_yarn(
          rope, static_cast<double>(config.integer("max_position_embeddings", 1)));
    } else if (type != "default") {
      fail(
          "expected `rope_type` default, linear, llama3 or yarn, got \"" +
          type.substr(0, 60) + "\".");
    }
  }
  if (!(share > 0.0 && share <= 1.0)) {
    fail(
        "expected `partial_rotary_factor` above 0 and at most 1, got " +
        std::to_string(share) + ".");
  }
  if (share < 1.0) {
    rotary.rotary_width = static_cast<int64_t>(static_cast<double>(head_width) * share);
  }
  return rotary;
}

double read_latent_scale(const JsonObject& config, int64_t key_width) {
  double scale = 1.0 / std::sqrt(static_cast<double>(key_width));
  for (const JsonObject& rope : rope_objects(config, {})) {
    const double weight = rope.number_or("mscale_all_dim", 0.0);
    if (rope_type(rope) != "default" && weight != 0.0) {
      const double magnitude = yarn_magnitude(rope.number("factor"), weight);
      scale *= magnitude * magnitude;
    }
  }
  return scale;
}

TransformerConfig read_decoder(const JsonObject& config) {
  const std::string activation = config.string_or("hidden_act", "silu");
  if (activation != "silu") {
    fail("expected `hidden_act` silu, got \"" + activation.substr(0, 60) + "\".");
  }
  TransformerConfig read;
  read.vocab_size = config.integer("vocab_size", 1);
  read.width = config.integer("hidden_size", 1);
  read.norm_eps = config.number_or("rms_norm_eps", 1e-6);
  read.has_tied_head = config.boolean_or("tie_word_embeddings", false);
  read.max_positions = config.integer("max_position_embeddings", 1);
  LayerConfig layer;
  layer.num_heads = config.integer("num_attention_heads", 1);
  layer.num_kv_heads = config.integer_or("num_key_value_heads", layer.num_heads, 1);
  layer.head_width = config.integer_or("head_dim", read.width / layer.num_heads, 1);
  layer.feed_forward_width = config.integer_or("intermediate_size", 1, 1);
  layer.rotary = read_rotary(config, layer.head_width);
  read.layers.assign(static_cast<size_t>(read_num_layers(config)), layer);
  return read;
}

namespace {

// Whether each of a list of kinds is `yes`, the other being `no`.
std::vector<bool> read_kinds(
    const JsonObject& config,
    const std::string& key,
    size_t num_layers,
    std::pair<const char*, const char*> yes_no) {
  const std::vector<std::string> kinds = config.strings(key);
  if (kinds.size() != num_layers) {
    fail(
        "expected `" + key + "` with one entry for each of " +
        std::to_string(num_layers) + " layers, got " + std::to_string(kinds.size()) +
        ".");
  }
  std::vector<bool> is_yes;
  for (const std::string& kind : kinds) {
    if (kind != yes_no.first && kind != yes_no.second) {
      fail(
          "expected `" + key + "` to hold " + yes_no.first + " and " + yes_no.second +
          ", got \"" + kind.substr(0, 60) + "\".");
    }
    is_yes.push_back(kind == yes_no.first);
  }
  return is_yes;
}

// The length of "LLLG", or the number itself; 0 when nothing is said.
int64_t read_sliding_pattern(const JsonObject& config) {
  const std::string key = "sliding_window_pattern";
  if (!config.has(key)) {
    return 4;
  }
  if (!config.is_string(key)) {
    return config.integer(key, 0);
  }
  const std::string pattern = config.string(key);
  const size_t full = pattern.find('G');
  if (pattern.empty() || full != pattern.size() - 1 ||
      pattern.find_first_not_of('L') != full) {
    fail(
        "expected `" + key + "` a number or layers such as LLLG, got \"" +
        pattern.substr(0, 60) + "\".");
  }
  return static_cast<int64_t>(pattern.size());
}

} // namespace

std::vector<bool> read_sliding_layers(const JsonObject& config, size_t num_layers) {
  std::vector<bool> is_sliding(num_layers, false);
  if (!config.has("sliding_window")) {
    return is_sliding;
  }
  if (config.has("layer_types")) {
    return read_kinds(
        config, "layer_types", num_layers, {"sliding_attention", "full_attention"});
  }
  const auto pattern = static_cast<size_t>(read_sliding_pattern(config));
  for (size_t i = 0; i < num_layers; ++i) {
    is_sliding[i] = pattern > 0 && (i + 1) % pattern != 0;
  }
  return is_sliding;
}

std::vector<bool> read_late_sliding_layers(
    const JsonObject& config,
    size_t num_layers) {
  std::vector<bool> is_sliding(num_layers, false);
  if (!config.boolean_or("use_sliding_window", false) ||
      !config.has("sliding_window")) {
    return is_sliding;
  }
  if (config.has("layer_types")) {
    return read_kinds(
        config, "layer_types", num_layers, {"sliding_attention", "full_attention"});
  }
  const int64_t first = config.integer_or("max_window_layers", 28, 0);
  for (size_t i = 0; i < num_layers; ++i) {
    is_sliding[i] = static_cast<int64_t>(i) >= first;
  }
  return is_sliding;
}

void read_hybrid_attention(const JsonObject& config, std::vector<LayerConfig>& layers) {
  const std::vector<bool> is_sliding = read_sliding_layers(config, layers.size());
  const bool is_hybrid = config.has("sliding_window");
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].has_qk_norm = true;
    if (is_sliding[i]) {
      layers[i].sliding_window = config.integer("sliding_window", 1);
    } else if (is_hybrid) {
      layers[i].rotary = RotaryConfig();
      layers[i].rotary.kind = RotaryKind::None;
    }
  }
}

std::vector<bool>
read_expert_layers(const JsonObject& config, size_t num_layers, int64_t default_first) {
  if (config.has("mlp_layer_types")) {
    return read_kinds(config, "mlp_layer_types", num_layers, {"sparse", "dense"});
  }
  const int64_t first = config.integer_or("first_k_dense_replace", default_first, 0);
  const int64_t every = config.integer_or("moe_layer_freq", 1, 1);
  std::vector<bool> has_experts;
  for (int64_t i = 0; i < static_cast<int64_t>(num_layers); ++i) {
    has_experts.push_back(i >= first && i % every == 0);
  }
  return has_experts;
}

ExpertsConfig read_sigmoid_experts(const JsonObject& config, const ExpertKeys& keys) {
  ExpertsConfig experts;
  experts.num_experts = config.integer(keys.num_experts, 1);
  experts.experts_per_token = config.integer("num_experts_per_tok", 1);
  experts.width = config.integer("moe_intermediate_size", 1);
  constexpr int64_t kMostShared = 1024;
  const int64_t num_shared = config.integer_or(keys.num_shared, 0, 0);
  if (num_shared > kMostShared || experts.width > (int64_t{1} << 20)) {
    fail(
        "expected at most " + std::to_string(kMostShared) +
        " shared experts of at most 1048576 entries, got " +
        std::to_string(num_shared) + " of " + std::to_string(experts.width) + ".");
  }
  experts.shared_width = num_shared * experts.width;
  experts.score = RouterScore::Sigmoid;
  experts.has_choice_bias = true;
  experts.num_groups = config.integer_or("n_group", 1, 1);
  experts.kept_groups = config.integer_or("topk_group", 1, 1);
  experts.has_normalized_weights = config.boolean_or("norm_topk_prob", true);
  experts.weight_scale = config.number_or("routed_scaling_factor", 1.0);
  return experts;
}

void read_latent_attention(const JsonObject& config, LayerConfig& layer) {
  layer.attention = AttentionKind::Latent;
  layer.latent.q_rank = config.integer_or("q_lora_rank", 0, 0);
  layer.latent.kv_rank = config.integer("kv_lora_rank", 1);
  layer.latent.nope_width = config.integer("qk_nope_head_dim", 1);
  layer.latent.rope_width = config.integer("qk_rope_head_dim", 1);
  layer.latent.value_width = config.integer("v_head_dim", 1);
  constexpr int64_t kMaxWidth = int64_t{1} << 20; // their sum must not overflow
  for (const int64_t width : {layer.latent.nope_width, layer.latent.rope_width}) {
    if (width > kMaxWidth) {
      fail(
          "expected `qk_nope_head_dim` and `qk_rope_head_dim` at most " +
          std::to_string(kMaxWidth) + ", got " + std::to_string(width) + ".");
    }
  }
  layer.has_qkv_bias = layer.has_output_bias =
      config.boolean_or("attention_bias", false);
  layer.rotary = read_rotary(config, layer.latent.rope_width);
  layer.rotary.kind = config.boolean_or("rope_interleave", true)
      ? RotaryKind::InterleavedPairs
      : RotaryKind::HalfRotation;
  layer.attention_scale =
      read_latent_scale(config, layer.latent.nope_width + layer.latent.rope_width);
}

} // namespace omni
