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

void check_layer(const LayerConfig& layer, const Checker& check) {
  check.in_range("num_heads", layer.num_heads, 1, kMaxWidth);
  check.in_range("num_kv_heads", layer.num_kv_heads, 1, kMaxWidth);
  check.in_range("head_width", layer.head_width, 1, kMaxWidth);
  check.in_range("feed_forward_width", layer.feed_forward_width, 1, kMaxWidth);
  check.in_range("sliding_window", layer.sliding_window, 0, kMaxPositions);
  if (layer.num_heads % layer.num_kv_heads != 0) {
    check.fail(
        "num_kv_heads to divide num_heads = " + std::to_string(layer.num_heads),
        std::to_string(layer.num_kv_heads));
  }
  check.in_range(
      "num_heads * head_width", layer.num_heads * layer.head_width, 1, kMaxWidth);
  if (!(std::isfinite(layer.attention_scale) && layer.attention_scale >= 0.0)) {
    check.fail(
        "attention_scale to be finite and not negative",
        std::to_string(layer.attention_scale));
  }
  check_rotary(layer.rotary, layer.head_width, check);
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
