// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The decoder described by data: per-model fields and one LayerConfig per layer. A
// family fills it from a published config.json; blocks read it once, at construction,
// and nothing else ever asks for a model's name. Plain values.
#pragma once

#include <cstdint>
#include <vector>

namespace omni {

enum class RotaryKind {
  None, // positions do not enter this layer
  HalfRotation, // (x[i], x[i + K/2]) are a pair
  InterleavedPairs, // (x[2i], x[2i + 1]) are a pair
};
// How the K/2 frequencies are shared among the axes t, y, x.
enum class AxisLayout {
  OneAxis, // all of them turn by t
  Sectioned, // the first axis_sections[0] by t, the next by y, the rest by x
  Interleaved, // t, y, x, t, y, x, … while a section has frequencies left, then t
};

struct RotaryConfig {
  RotaryKind kind = RotaryKind::HalfRotation;
  double theta = 10000.0;
  int64_t rotary_width = 0; // leading entries of a head that turn; 0: all of them
  AxisLayout axis_layout = AxisLayout::OneAxis;
  std::vector<int64_t> axis_sections; // frequencies of t, y, x; their sum is width / 2
  double position_scale = 1.0; // positions are multiplied by this (1 / factor: linear)

  bool operator==(const RotaryConfig&) const = default;
};

enum class NormPlacement {
  Pre, // x + f(norm(x))
  Post, // x + norm(f(x))
  Sandwich, // x + norm_after(f(norm(x)))
  PreWithFeedForwardPost, // Pre for attention, Sandwich for the feed-forward
};

struct LayerConfig {
  int64_t num_heads = 4; // H
  int64_t num_kv_heads = 4; // G, divides H
  int64_t head_width = 64; // K; H * K need not be the model width
  bool has_qkv_bias = false;
  bool has_output_bias = false;
  bool has_qk_norm = false; // RMSNorm over each head's K before rotary
  int64_t sliding_window = 0; // a row sees itself and this many - 1 before; 0: all
  double attention_scale = 0.0; // softmax scale; 0: head_width^-0.5
  RotaryConfig rotary;

  int64_t feed_forward_width = 704; // F, SwiGLU
  bool has_feed_forward_bias = false;
  NormPlacement norm_placement = NormPlacement::Pre;

  bool operator==(const LayerConfig&) const = default;
};

struct TransformerConfig {
  int64_t vocab_size = 0; // V
  int64_t width = 256; // D
  std::vector<LayerConfig> layers;
  double norm_eps = 1e-6;
  double norm_weight_offset = 0.0; // weights are stored as w, used as w + offset
  bool has_tied_head = true;
  double embedding_multiplier = 1.0; // of the table's rows and of media rows
  double residual_multiplier = 1.0; // of every sub-layer's output before it is added
  double logits_multiplier = 1.0;
  int64_t max_positions = 4096; // context length in tokens

  bool operator==(const TransformerConfig&) const = default;
};

// Throws ValueError naming the field and the layer: sizes not positive or absurd
// (10^9 layers), heads not divisible, sections that do not add up, NaN.
void check_config(const TransformerConfig& config);

} // namespace omni
