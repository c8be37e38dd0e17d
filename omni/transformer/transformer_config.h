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

enum class ScalingRule {
  None,
  Llama3, // slow frequencies divided by `factor`, fast ones kept, a ramp in between
  Yarn, // the same by another ramp (arXiv 2309.00071)
};

// How the frequencies theta^(-2i/K) are changed for sequences longer than those of
// pretraining. (Linear interpolation is RotaryConfig::position_scale.)
struct RotaryScaling {
  ScalingRule rule = ScalingRule::None;
  double factor = 1.0; // how many times longer than original_positions
  double original_positions = 0.0; // context length of pretraining in tokens
  double slow_turns = 1.0; // turns in original_positions below which all is divided
  double fast_turns = 4.0; // and from which nothing is
  bool has_whole_bounds = true; // YaRN: the ramp begins and ends at a whole frequency
  double attention_factor = 1.0; // cos and sin are multiplied by this

  bool operator==(const RotaryScaling&) const = default;
};

struct RotaryConfig {
  RotaryKind kind = RotaryKind::HalfRotation;
  double theta = 10000.0;
  int64_t rotary_width = 0; // leading entries of a head that turn; 0: all of them
  AxisLayout axis_layout = AxisLayout::OneAxis;
  std::vector<int64_t> axis_sections; // frequencies of t, y, x; their sum is width / 2
  double position_scale = 1.0; // positions are multiplied by this (1 / factor: linear)
  RotaryScaling scaling;

  bool operator==(const RotaryConfig&) const = default;
};

enum class NormPlacement {
  Pre, // x + f(norm(x))
  Post, // x + norm(f(x))
  Sandwich, // x + norm_after(f(norm(x)))
  PreWithFeedForwardPost, // Pre for attention, Sandwich for the feed-forward
};

enum class AttentionKind {
  GroupedQuery,
  Latent, // keys and values from one small latent row a token (arXiv 2405.04434)
};

// A small attention beside the real one, which chooses what each row attends to: the
// `kept_rows` of the rows it sees with the largest sum over heads of weight * relu(q k)
// (arXiv 2512.02556, section 2.1). Its queries come from the latent of queries.
struct IndexConfig {
  int64_t kept_rows = 0; // 0: no index, a row attends to all it sees
  int64_t num_heads = 0; // of queries; they share one key
  int64_t width = 0; // of a head; the leading rope_width entries turn, by halves
  double norm_eps = 1e-6; // of the LayerNorm of keys

  bool operator==(const IndexConfig&) const = default;
};

// Sizes of latent attention. A query head is [nope, rope] wide, and so is a key; only
// the rope part turns, and its key is shared by all heads.
struct LatentConfig {
  int64_t q_rank = 0; // width of the latent queries come from; 0: from x itself
  int64_t kv_rank = 0; // width of the latent that keys and values come from
  int64_t nope_width = 0;
  int64_t rope_width = 0; // even
  int64_t value_width = 0; // at most nope + rope
  double norm_eps = 1e-6; // of the norms of both latents
  // Queries come from their latent after its norm and before, [normed, raw], and with
  // them a gate: each entry of a head's output is multiplied by sigmoid(gate).
  bool has_output_gate = false;
  IndexConfig index; // as the gate, it needs a latent of queries

  bool operator==(const LatentConfig&) const = default;
};

enum class RouterScore {
  Softmax, // over all experts
  Sigmoid, // each by itself
};

// A feed-forward part of many small SwiGLUs, of which each row uses a few.
struct ExpertsConfig {
  int64_t num_experts = 0; // E; 0: none, the feed-forward is dense
  int64_t experts_per_token = 1;
  int64_t width = 0; // F of each
  int64_t shared_width = 0; // F of the one that every row uses; 0: none
  bool is_shared_gated = false; // its output times sigmoid(x w)
  RouterScore score = RouterScore::Softmax;
  bool has_choice_bias = false; // added to scores to choose by, not to weigh by
  int64_t num_groups = 1; // experts are chosen from the best `kept_groups` of these
  int64_t kept_groups = 1;
  bool has_soft_groups = false; // experts of other groups count as 0, not as -infinity
  bool has_normalized_weights = true; // weights of the chosen sum to 1 before the scale
  double weight_scale = 1.0;

  bool operator==(const ExpertsConfig&) const = default;
};

struct LayerConfig {
  AttentionKind attention = AttentionKind::GroupedQuery;
  int64_t num_heads = 4; // H
  int64_t num_kv_heads = 4; // G, divides H
  int64_t head_width = 64; // K; H * K need not be the model width
  LatentConfig latent; // of AttentionKind::Latent, which has H heads and no G, no K
  bool has_qkv_bias = false;
  bool has_output_bias = false;
  bool has_qk_norm = false; // RMSNorm over each head's K before rotary
  int64_t sliding_window = 0; // a row sees itself and this many - 1 before; 0: all
  double attention_scale = 0.0; // softmax scale; 0: head_width^-0.5
  RotaryConfig rotary;

  int64_t feed_forward_width = 704; // F, SwiGLU
  bool has_feed_forward_bias = false;
  ExpertsConfig experts; // instead of the dense one when it has any
  NormPlacement norm_placement = NormPlacement::Pre;
  // The norm before a sub-layer, y = norm(x), gives y * sigmoid(up(silu(down(y)))) with
  // maps [rank, D] and [D, rank]; 0: y itself.
  int64_t attention_norm_rank = 0;
  int64_t feed_forward_norm_rank = 0;

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
