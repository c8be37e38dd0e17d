// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <cmath>
#include <numeric>
#include <string>

#include "omni/core/errors.h"
#include "omni/transformer/transformer_config.h"

namespace omni {
namespace {

// Far beyond any published model; products of two of them stay far from overflow.
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxVocab = int64_t{1} << 31;
constexpr int64_t kMaxPositions = int64_t{1} << 31;
constexpr size_t kMaxLayers = 1024;
constexpr int64_t kMaxExperts = int64_t{1} << 14;

class Checker {
 public:
  // `prefix` goes before a field's name: "" or "layers[3].".
  explicit Checker(std::string prefix) : prefix_(std::move(prefix)) {}

  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw ValueError(
        "transformer_config", "expected " + prefix_ + expected + ", got " + got + ".");
  }

  void in_range(const char* name, int64_t value, int64_t low, int64_t high) const {
    if (value < low || value > high) {
      fail(
          std::string(name) + " between " + std::to_string(low) + " and " +
              std::to_string(high),
          std::to_string(value));
    }
  }

  void finite(const char* name, double value) const {
    if (!std::isfinite(value)) {
      fail(std::string(name) + " to be finite", std::to_string(value));
    }
  }

  void positive(const char* name, double value) const {
    if (!(std::isfinite(value) && value > 0.0)) {
      fail(std::string(name) + " to be positive and finite", std::to_string(value));
    }
  }

 private:
  std::string prefix_;
};

std::string to_text(const std::vector<int64_t>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(values[i]);
  }
  return text + "]";
}

// y takes the frequencies 1, 4, 7, …, x the frequencies 2, 5, 8, …: both must exist.
bool fits_interleaved(const std::vector<int64_t>& sections, int64_t count) {
  return 3 * sections[1] - 2 < count && 3 * sections[2] - 1 < count;
}

void check_rotary(
    const RotaryConfig& rotary,
    int64_t head_width,
    const Checker& check) {
  if (rotary.kind == RotaryKind::None) {
    return;
  }
  check.positive("rotary.theta", rotary.theta);
  check.positive("rotary.position_scale", rotary.position_scale);
  check.positive("rotary.scaling.attention_factor", rotary.scaling.attention_factor);
  if (rotary.scaling.rule != ScalingRule::None) {
    check.positive("rotary.scaling.factor", rotary.scaling.factor);
    check.positive(
        "rotary.scaling.original_positions", rotary.scaling.original_positions);
    check.positive("rotary.scaling.slow_turns", rotary.scaling.slow_turns);
    check.positive("rotary.scaling.fast_turns", rotary.scaling.fast_turns);
    if (rotary.scaling.fast_turns <= rotary.scaling.slow_turns) {
      check.fail(
          "rotary.scaling.fast_turns beyond rotary.scaling.slow_turns = " +
              std::to_string(rotary.scaling.slow_turns),
          std::to_string(rotary.scaling.fast_turns));
    }
    if (rotary.theta <= 1.0) {
      check.fail("rotary.theta beyond 1", std::to_string(rotary.theta));
    }
  }
  check.in_range("rotary.rotary_width", rotary.rotary_width, 0, head_width);
  const int64_t width = rotary.rotary_width > 0 ? rotary.rotary_width : head_width;
  if (width % 2 != 0) {
    check.fail("an even rotary.rotary_width", std::to_string(width));
  }
  const std::vector<int64_t>& sections = rotary.axis_sections;
  if (rotary.axis_layout == AxisLayout::OneAxis) {
    if (!sections.empty()) {
      check.fail("no rotary.axis_sections with one axis", to_text(sections));
    }
    return;
  }
  if (sections.size() != 3) {
    check.fail("three rotary.axis_sections", to_text(sections));
  }
  for (const int64_t section : sections) {
    check.in_range("rotary.axis_sections", section, 0, width / 2);
  }
  if (std::accumulate(sections.begin(), sections.end(), int64_t{0}) != width / 2) {
    check.fail(
        "rotary.axis_sections that sum to " + std::to_string(width / 2) +
            ", half the rotary width",
        to_text(sections));
  }
  if (rotary.axis_layout == AxisLayout::Interleaved &&
      !fits_interleaved(sections, width / 2)) {
    check.fail(
        "interleaved rotary.axis_sections of which t has the most", to_text(sections));
  }
}

void check_grouped_query(const LayerConfig& layer, const Checker& check) {
  check.in_range("num_kv_heads", layer.num_kv_heads, 1, kMaxWidth);
  check.in_range("head_width", layer.head_width, 1, kMaxWidth);
  if (layer.num_heads % layer.num_kv_heads != 0) {
    check.fail(
        "num_kv_heads to divide num_heads = " + std::to_string(layer.num_heads),
        std::to_string(layer.num_kv_heads));
  }
  check.in_range(
      "num_heads * head_width", layer.num_heads * layer.head_width, 1, kMaxWidth);
  check_rotary(layer.rotary, layer.head_width, check);
}

void check_index(const LayerConfig& layer, const Checker& check) {
  const IndexConfig& index = layer.latent.index;
  check.in_range("latent.index.kept_rows", index.kept_rows, 1, kMaxPositions);
  check.in_range("latent.index.num_heads", index.num_heads, 1, kMaxWidth);
  check.in_range(
      "latent.index.width (from latent.rope_width)", index.width,
      layer.latent.rope_width, kMaxWidth);
  check.in_range(
      "latent.index.num_heads * width", index.num_heads * index.width, 1, kMaxWidth);
  check.positive("latent.index.norm_eps", index.norm_eps);
  if (layer.sliding_window > 0) {
    check.fail(
        "sliding_window = 0 with latent.index", std::to_string(layer.sliding_window));
  }
}

void check_latent(const LayerConfig& layer, const Checker& check) {
  const LatentConfig& latent = layer.latent;
  check.in_range("latent.q_rank", latent.q_rank, 0, kMaxWidth);
  check.in_range("latent.kv_rank", latent.kv_rank, 1, kMaxWidth);
  check.in_range("latent.nope_width", latent.nope_width, 1, kMaxWidth);
  check.in_range("latent.rope_width", latent.rope_width, 2, kMaxWidth);
  const int64_t key_width = latent.nope_width + latent.rope_width;
  check.in_range("latent.value_width", latent.value_width, 1, key_width);
  check.in_range("num_heads * key width", layer.num_heads * key_width, 1, kMaxWidth);
  check.positive("latent.norm_eps", latent.norm_eps);
  if (layer.has_qk_norm) {
    check.fail("no has_qk_norm with latent attention", "one");
  }
  if (layer.rotary.axis_layout != AxisLayout::OneAxis) {
    check.fail("one rotary axis with latent attention", "more");
  }
  if (latent.index.kept_rows != 0) {
    check_index(layer, check);
  }
  if (latent.q_rank == 0 && (latent.has_output_gate || latent.index.kept_rows != 0)) {
    check.fail("latent.q_rank with latent.has_output_gate or latent.index", "0");
  }
  check_rotary(layer.rotary, latent.rope_width, check);
}

void check_experts(const ExpertsConfig& experts, const Checker& check) {
  check.in_range("experts.num_experts", experts.num_experts, 1, kMaxExperts);
  check.in_range(
      "experts.experts_per_token", experts.experts_per_token, 1, experts.num_experts);
  check.in_range("experts.width", experts.width, 1, kMaxWidth);
  check.in_range("experts.shared_width", experts.shared_width, 0, kMaxWidth);
  check.positive("experts.weight_scale", experts.weight_scale);
  check.in_range("experts.num_groups", experts.num_groups, 1, experts.num_experts);
  check.in_range("experts.kept_groups", experts.kept_groups, 1, experts.num_groups);
  if (experts.num_experts % experts.num_groups != 0) {
    check.fail(
        "experts.num_groups to divide experts.num_experts = " +
            std::to_string(experts.num_experts),
        std::to_string(experts.num_groups));
  }
  check.in_range(
      "experts.experts_per_token (from the kept groups)", experts.experts_per_token, 1,
      experts.num_experts / experts.num_groups * experts.kept_groups);
  if (experts.is_shared_gated && experts.shared_width == 0) {
    check.fail("experts.shared_width with experts.is_shared_gated", "0");
  }
}

void check_layer(const LayerConfig& layer, const Checker& check) {
  check.in_range("num_heads", layer.num_heads, 1, kMaxWidth);
  check.in_range("sliding_window", layer.sliding_window, 0, kMaxPositions);
  if (!(std::isfinite(layer.attention_scale) && layer.attention_scale >= 0.0)) {
    check.fail(
        "attention_scale to be finite and not negative",
        std::to_string(layer.attention_scale));
  }
  check.in_range("attention_norm_rank", layer.attention_norm_rank, 0, kMaxWidth);
  check.in_range("feed_forward_norm_rank", layer.feed_forward_norm_rank, 0, kMaxWidth);
  if (layer.norm_placement == NormPlacement::Post &&
      (layer.attention_norm_rank > 0 || layer.feed_forward_norm_rank > 0)) {
    check.fail(
        "norm_placement with norms before sub-layers (attention_norm_rank or "
        "feed_forward_norm_rank gates them)",
        "post");
  }
  if (layer.attention == AttentionKind::Latent) {
    check_latent(layer, check);
  } else {
    check_grouped_query(layer, check);
  }
  if (layer.experts.num_experts == 0) {
    check.in_range("feed_forward_width", layer.feed_forward_width, 1, kMaxWidth);
  } else {
    check_experts(layer.experts, check);
  }
}

} // namespace

void check_config(const TransformerConfig& config) {
  const Checker check("");
  check.in_range("vocab_size", config.vocab_size, 1, kMaxVocab);
  check.in_range("width", config.width, 1, kMaxWidth);
  check.in_range("max_positions", config.max_positions, 1, kMaxPositions);
  if (config.layers.empty() || config.layers.size() > kMaxLayers) {
    check.fail(
        "between 1 and " + std::to_string(kMaxLayers) + " layers",
        std::to_string(config.layers.size()));
  }
  check.positive("norm_eps", config.norm_eps);
  check.finite("norm_weight_offset", config.norm_weight_offset);
  check.finite("embedding_multiplier", config.embedding_multiplier);
  check.finite("residual_multiplier", config.residual_multiplier);
  check.finite("logits_multiplier", config.logits_multiplier);
  for (size_t i = 0; i < config.layers.size(); ++i) {
    check_layer(config.layers[i], Checker("layers[" + std::to_string(i) + "]."));
  }
}

} // namespace omni
