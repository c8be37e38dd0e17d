// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Latent attention, with and without an index and a gate, against its equations written
// out in float64, one head and one row at a time.
#include "omni/transformer/latent_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "omni/transformer/positions.h"
#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

constexpr int64_t kWidth = 20, kHeads = 3, kKvRank = 14, kNope = 8, kRope = 4;
constexpr int64_t kRows = 11;
constexpr int64_t kIndexHeads = 5, kIndexWidth = 7;

struct Choice {
  int64_t q_rank = 10;
  int64_t value_width = 6;
  bool has_bias = true;
  RotaryKind rotary = RotaryKind::InterleavedPairs;
  int64_t window = 0;
  double scale = 0.0;
  bool has_gate = false;
  int64_t kept_rows = 0;
};

TransformerConfig config_of(const Choice& choice) {
  TransformerConfig config;
  config.vocab_size = 8;
  config.width = kWidth;
  config.norm_weight_offset = 1.0;
  config.norm_eps = 0.5; // not the one of the latents' norms
  LayerConfig layer;
  layer.attention = AttentionKind::Latent;
  layer.num_heads = kHeads;
  layer.latent = {
      choice.q_rank,
      kKvRank,
      kNope,
      kRope,
      choice.value_width,
      1e-3,
      choice.has_gate,
      {choice.kept_rows, kIndexHeads, kIndexWidth, 1e-2}};
  layer.has_qkv_bias = choice.has_bias;
  layer.has_output_bias = choice.has_bias;
  layer.attention_scale = choice.scale;
  layer.rotary.kind = choice.rotary;
  layer.rotary.theta = 100.0;
  layer.sliding_window = choice.window;
  config.layers.push_back(layer);
  check_config(config);
  return config;
}

std::shared_ptr<AttentionImpl> make_module(const TransformerConfig& config) {
  torch::manual_seed(4);
  std::shared_ptr<AttentionImpl> attention = make_attention(config, 0);
  attention->reset_parameters(0.3, 0.3);
  const at::NoGradGuard guard;
  for (const auto& item : attention->named_parameters()) {
    if (item.value().dim() == 1) { // norms and biases that do something
      item.value().add_(at::randn(item.value().sizes()) * 0.2);
    }
  }
  return attention;
}

// The module's parameters as float64, gradients running back to it.
class Twin {
 public:
  Twin(const AttentionImpl& module, const LayerConfig& config) : config_(config) {
    for (const auto& item : module.named_parameters()) {
      of_[item.key()] = item.value().to(at::kDouble);
    }
  }

  // x [L, D], positions [L] and is_seen bool [L, L] -> [L, D].
  at::Tensor forward(
      const at::Tensor& x,
      const at::Tensor& positions,
      const at::Tensor& is_seen) const {
    const int64_t value_width = config_.latent.value_width;
    const bool has_gate = config_.latent.has_output_gate;
    const int64_t q_width = kNope + kRope + (has_gate ? value_width : 0);
    at::Tensor queries, is_chosen = is_seen;
    if (config_.latent.q_rank > 0) {
      const at::Tensor raw = linear(x, "q_down"), normed = norm(raw, "q_norm");
      queries = linear(has_gate ? at::cat({normed, raw}, 1) : normed, "q_up");
      if (config_.latent.index.kept_rows > 0) {
        is_chosen = choose(x, normed, positions, is_seen);
      }
    } else {
      queries = linear(x, "q");
    }
    const at::Tensor down = linear(x, "kv_down");
    const at::Tensor latent = norm(down.slice(1, 0, kKvRank), "kv_norm");
    const at::Tensor k_rope =
        turn(down.slice(1, kKvRank, kKvRank + kRope), positions, is_interleaved());
    const at::Tensor up = linear(latent, "kv_up");
    const double scale = config_.attention_scale > 0.0
        ? config_.attention_scale
        : 1.0 / std::sqrt(static_cast<double>(kNope + kRope));
    std::vector<at::Tensor> heads;
    for (int64_t h = 0; h < kHeads; ++h) {
      const at::Tensor q = queries.narrow(1, h * q_width, kNope + kRope);
      const at::Tensor kv =
          up.narrow(1, h * (kNope + value_width), kNope + value_width);
      const at::Tensor scores_LL =
          at::mm(q.slice(1, 0, kNope), kv.slice(1, 0, kNope).t()) +
          at::mm(turn(q.slice(1, kNope), positions, is_interleaved()), k_rope.t());
      const at::Tensor weights_LL =
          (scores_LL * scale)
              .masked_fill(
                  is_chosen.logical_not(), -std::numeric_limits<double>::infinity())
              .softmax(-1);
      const at::Tensor attended = at::mm(weights_LL, kv.slice(1, kNope));
      heads.push_back(
          has_gate ? attended *
                  queries.narrow(1, h * q_width + kNope + kRope, value_width).sigmoid()
                   : attended);
    }
    return linear(at::cat(heads, 1), "output");
  }

 private:
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    const at::Tensor y = at::mm(x, of_.at(name + ".weight").t());
    const auto bias = of_.find(name + ".bias");
    return bias == of_.end() ? y : y + bias->second;
  }

  bool is_interleaved() const {
    return config_.rotary.kind == RotaryKind::InterleavedPairs;
  }

  // The `kept_rows` best of the rows that each row sees.
  at::Tensor choose(
      const at::Tensor& x,
      const at::Tensor& q_latent,
      const at::Tensor& positions,
      const at::Tensor& is_seen) const {
    const at::Tensor queries = linear(q_latent, "index.q");
    const at::Tensor weights = linear(x, "index.head_weights");
    const at::Tensor raw = linear(x, "index.k");
    const at::Tensor centred = raw - raw.mean(1, true);
    const at::Tensor keys = turn(
        centred / (centred.square().mean(1, true) + 1e-2).sqrt() *
                of_.at("index.k_norm.weight") +
            of_.at("index.k_norm.bias"),
        positions, false);
    at::Tensor scores = at::zeros({x.size(0), x.size(0)}, at::kDouble);
    for (int64_t h = 0; h < kIndexHeads; ++h) {
      const at::Tensor q =
          turn(queries.narrow(1, h * kIndexWidth, kIndexWidth), positions, false);
      scores = scores + weights.narrow(1, h, 1) * at::mm(q, keys.t()).relu();
    }
    const at::Tensor is_chosen = at::zeros_like(is_seen);
    for (int64_t row = 0; row < x.size(0); ++row) {
      std::vector<std::pair<double, int64_t>> best;
      for (int64_t other = 0; other < x.size(0); ++other) {
        if (is_seen[row][other].item<bool>()) {
          best.emplace_back(-scores[row][other].item<double>(), other);
        }
      }
      std::sort(best.begin(), best.end());
      const auto kept = static_cast<size_t>(config_.latent.index.kept_rows);
      for (size_t i = 0; i < std::min(kept, best.size()); ++i) {
        is_chosen[row][best[i].second].fill_(true);
      }
    }
    return is_chosen;
  }

  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const at::Tensor mean = x.square().mean(-1, true);
    return x / (mean + config_.latent.norm_eps).sqrt() *
        (of_.at(name + ".weight") + 1.0);
  }

  // Of the leading kRope entries.
  at::Tensor turn(const at::Tensor& x, const at::Tensor& positions, bool is_interleaved)
      const {
    if (config_.rotary.kind == RotaryKind::None) {
      return x;
    }
    std::vector<at::Tensor> columns = x.unbind(1);
    for (int64_t i = 0; i < kRope / 2; ++i) {
      const int64_t first = is_interleaved ? 2 * i : i;
      const int64_t second = is_interleaved ? 2 * i + 1 : i + kRope / 2;
      const at::Tensor angle = positions *
          std::pow(config_.rotary.theta,
                   -2.0 * static_cast<double>(i) / static_cast<double>(kRope));
      const at::Tensor a = x.select(1, first), b = x.select(1, second);
      columns[static_cast<size_t>(first)] = a * angle.cos() - b * angle.sin();
      columns[static_cast<size_t>(second)] = b * angle.cos() + a * angle.sin();
    }
    return at::stack(columns, 1);
  }

  LayerConfig config_;
  std::map<std::string, at::Tensor> of_;
};

// Which of `kRows` rows, two sequences of 7 and 4, see which.
const std::vector<kernels::RowSpan> kSpans = {{0, 7}, {7, 4}};
at::Tensor seen_rows(int64_t window) {
  const at::Tensor is_seen = at::zeros({kRows, kRows}, at::kBool);
  for (const kernels::RowSpan& span : kSpans) {
    for (int64_t i = 0; i < span.length; ++i) {
      const int64_t first = window > 0 ? std::max<int64_t>(0, i - window + 1) : 0;
      is_seen[span.begin + i].narrow(0, span.begin + first, i - first + 1).fill_(true);
    }
  }
  return is_seen;
}

// Largest difference as a part of the largest entry.
double relative_difference(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor exact = expected.to(at::kDouble);
  return testing::largest_difference(got.to(at::kDouble), exact) /
      exact.abs().max().item<double>();
}

// The module and its twin agree in values and in all gradients.
void check_twin(const Choice& choice) {
  INFO(
      "q_rank " << choice.q_rank << ", value_width " << choice.value_width
                << ", has_bias " << choice.has_bias << ", rotary "
                << static_cast<int>(choice.rotary) << ", window " << choice.window
                << ", has_gate " << choice.has_gate << ", kept_rows "
                << choice.kept_rows);
  const TransformerConfig config = config_of(choice);
  const LayerConfig& layer = config.layers[0];
  const std::shared_ptr<AttentionImpl> module = make_module(config);
  const at::Tensor x = at::randn({kRows, kWidth}).set_requires_grad(true);
  const at::Tensor grad = at::randn({kRows, kWidth});
  const at::Tensor positions = at::cumsum(at::rand({kRows, 3}), 0);
  AttentionRows rows;
  rows.spans = kSpans;
  rows.rotary = Rotary(layer.rotary, rotary_head_width(layer)).tables(positions);
  const at::Tensor got = module->forward(x, rows);
  REQUIRE(got.sizes() == at::IntArrayRef({kRows, kWidth}));
  got.backward(grad);
  std::vector<at::Tensor> got_grads = {x.grad().clone()};
  for (const auto& item : module->named_parameters()) {
    INFO(item.key());
    REQUIRE(item.value().grad().defined() == item.value().requires_grad());
    REQUIRE(item.value().requires_grad() == !item.key().starts_with("index."));
    if (item.value().requires_grad()) {
      got_grads.push_back(item.value().grad().clone());
    }
  }
  x.mutable_grad().reset();
  module->zero_grad();
  const at::Tensor expected =
      Twin(*module, layer)
          .forward(
              x.to(at::kDouble), positions.select(1, 0).to(at::kDouble),
              seen_rows(choice.window));
  expected.backward(grad.to(at::kDouble));
  CHECK(relative_difference(got, expected) < testing::kTolerance);
  CHECK(relative_difference(got_grads[0], x.grad()) < testing::kTolerance);
  size_t i = 1;
  for (const auto& item : module->named_parameters()) {
    if (item.value().requires_grad()) {
      INFO(item.key());
      CHECK(
          relative_difference(got_grads[i++], item.value().grad()) <
          testing::kTolerance);
    }
  }
}

} // namespace

TEST_CASE("latent attention equals its equations, and so do its gradients") {
  for (const int64_t q_rank : {0, 10}) {
    for (const int64_t value_width : {6, 12}) { // narrower than a key, and as wide
      for (const int64_t window : {0, 3}) {
        check_twin({.q_rank = q_rank, .value_width = value_width, .window = window});
      }
    }
  }
}

TEST_CASE("latent attention turns as its rotary says, and has the biases asked for") {
  for (const RotaryKind kind :
       {RotaryKind::None, RotaryKind::HalfRotation, RotaryKind::InterleavedPairs}) {
    for (const bool has_bias : {false, true}) {
      check_twin({.has_bias = has_bias, .rotary = kind});
    }
  }
  check_twin({.scale = 0.9});
}

TEST_CASE("latent attention reads what its index chooses and gates its output") {
  check_twin({.has_gate = true});
  // Fewer rows than either span, than one of them, and than none.
  for (const int64_t kept_rows : {2, 3, 5, 9}) {
    for (const bool has_gate : {false, true}) {
      check_twin({.has_gate = has_gate, .kept_rows = kept_rows});
    }
  }
  check_twin({.rotary = RotaryKind::None, .kept_rows = 3});
  check_twin({.value_width = 12, .scale = 0.9, .has_gate = true, .kept_rows = 3});
}

TEST_CASE("parameters of latent attention have the names that loaders map to") {
  using Sizes = std::map<std::string, std::vector<int64_t>>;
  const auto sizes_of = [](const Choice& choice) {
    Sizes sizes;
    for (const auto& item : make_module(config_of(choice))->named_parameters()) {
      sizes[item.key()] = item.value().sizes().vec();
    }
    return sizes;
  };
  CHECK(
      sizes_of({.q_rank = 10, .value_width = 6, .has_bias = true}) ==
      Sizes{
          {"q_down.weight", {10, 20}},
          {"q_down.bias", {10}},
          {"q_norm.weight", {10}},
          {"q_up.weight", {36, 10}},
          {"kv_down.weight", {18, 20}},
          {"kv_down.bias", {18}},
          {"kv_norm.weight", {14}},
          {"kv_up.weight", {42, 14}},
          {"output.weight", {20, 18}},
          {"output.bias", {20}}});
  CHECK(
      sizes_of({.q_rank = 0, .value_width = 12, .has_bias = false}) ==
      Sizes{
          {"q.weight", {36, 20}},
          {"kv_down.weight", {18, 20}},
          {"kv_norm.weight", {14}},
          {"kv_up.weight", {60, 14}},
          {"output.weight", {20, 36}}});
  CHECK(
      sizes_of({.has_bias = false, .has_gate = true, .kept_rows = 3}) ==
      Sizes{
          {"q_down.weight", {10, 20}},
          {"q_norm.weight", {10}},
          {"q_up.weight", {54, 20}},
          {"kv_down.weight", {18, 20}},
          {"kv_norm.weight", {14}},
          {"kv_up.weight", {42, 14}},
          {"index.q.weight", {35, 10}},
          {"index.k.weight", {7, 20}},
          {"index.k_norm.weight", {7}},
          {"index.k_norm.bias", {7}},
          {"index.head_weights.weight", {5, 20}},
          {"output.weight", {20, 18}}});
}

} // namespace omni
