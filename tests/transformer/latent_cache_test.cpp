// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Latent attention over a cache that keeps only the compressed rows: what a decoder
// gives in pieces is what it gives at once.
#include "omni/transformer/kv_cache.h"
#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

using testing::Inputs;
using testing::kTolerance;
using testing::largest_difference;
using testing::make_inputs;
using testing::make_transformer;

constexpr int64_t kKvRank = 14, kRope = 4;

// A latent layer with `window`, one that sees all, and one of grouped queries.
TransformerConfig config_of(int64_t window, int64_t q_rank, int64_t value_width) {
  TransformerConfig config =
      testing::make_config(NormPlacement::Sandwich, window, true);
  config.norm_weight_offset = 1.0;
  LayerConfig latent = config.layers[1];
  latent.attention = AttentionKind::Latent;
  latent.num_heads = 3;
  latent.latent = {q_rank, kKvRank, 8, kRope, value_width, 1e-5, false, {}};
  latent.has_qk_norm = false;
  latent.rotary = {};
  latent.rotary.kind = RotaryKind::InterleavedPairs;
  latent.sliding_window = window;
  const LayerConfig grouped = config.layers[1];
  config.layers = {latent, latent, grouped};
  config.layers[1].sliding_window = 0;
  config.layers[1].rotary.theta = 1e6;
  return config;
}

at::Tensor
run(Transformer& model, const Inputs& in, KvCache& cache, int64_t begin, int64_t size) {
  return model->forward(
      TransformerInput{
          in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}},
      cache);
}

// All of `in` in pieces of these sizes.
at::Tensor in_pieces(
    Transformer& model,
    const Inputs& in,
    KvCache& cache,
    const std::vector<int64_t>& sizes) {
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    pieces.push_back(run(model, in, cache, begin, size));
    begin += size;
  }
  REQUIRE(begin == in.hidden.size(1));
  return at::cat(pieces, 1);
}

at::Tensor at_once(Transformer& model, const Inputs& in) {
  return model->forward(TransformerInput{in.hidden, in.positions, {}});
}

double relative_difference(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor error = got.to(at::kFloat) - expected.to(at::kFloat);
  return (error.square().mean() / expected.to(at::kFloat).square().mean())
      .sqrt()
      .item<double>();
}

} // namespace

TEST_CASE("cached decoding of latent layers equals the full forward pass") {
  const at::NoGradGuard guard;
  const auto window = GENERATE(int64_t{0}, int64_t{1}, int64_t{7});
  const auto q_rank = GENERATE(int64_t{0}, int64_t{10});
  const auto value_width = GENERATE(int64_t{6}, int64_t{12});
  const TransformerConfig config = config_of(window, q_rank, value_width);
  Transformer model = make_transformer(config);
  const Inputs in = make_inputs(40, 11);
  KvCache cache(config, {.capacity_tokens = 4, .slack_tokens = 3});
  // Prompt, steps, a chunk longer than the window, steps past it, two rows, a chunk.
  const at::Tensor cached = in_pieces(model, in, cache, {9, 1, 1, 12, 1, 1, 1, 2, 12});
  CHECK(cache.num_tokens() == 40);
  CHECK(largest_difference(cached, at_once(model, in)) < kTolerance);
}

TEST_CASE("row by row is the same from the first row on") {
  const at::NoGradGuard guard;
  const TransformerConfig config = config_of(5, 10, 6);
  Transformer model = make_transformer(config);
  const Inputs in = make_inputs(24, 12);
  KvCache cache(config, {.capacity_tokens = 1, .slack_tokens = 0});
  const at::Tensor cached =
      in_pieces(model, in, cache, std::vector<int64_t>(24, int64_t{1}));
  CHECK(largest_difference(cached, at_once(model, in)) < kTolerance);
}

TEST_CASE("a cache of latent rows that is cut back goes on as if never longer") {
  const at::NoGradGuard guard;
  const TransformerConfig config = config_of(6, 10, 6);
  Transformer model = make_transformer(config);
  const Inputs in = make_inputs(30, 5);
  const at::Tensor whole = at_once(model, in);
  KvCache cache(config, {.capacity_tokens = 64, .slack_tokens = 8});
  run(model, in, cache, 0, 25);
  REQUIRE(cache.truncate(19));
  for (const int64_t begin : {19, 20}) {
    CHECK(
        largest_difference(run(model, in, cache, begin, 1), whole.narrow(1, begin, 1)) <
        kTolerance);
  }
  CHECK(
      largest_difference(run(model, in, cache, 21, 9), whole.narrow(1, 21, 9)) <
      kTolerance);
  CHECK_FALSE(cache.truncate(10)); // past the slack of the sliding layer
  CHECK(cache.num_tokens() == 0);
  CHECK(largest_difference(run(model, in, cache, 0, 30), whole) < kTolerance);
}

TEST_CASE("a pass that fails after a latent layer leaves the cache as it was") {
  const at::NoGradGuard guard;
  const TransformerConfig config = config_of(6, 10, 6);
  Transformer model = make_transformer(config);
  const Inputs in = make_inputs(30, 5);
  const at::Tensor whole = at_once(model, in);
  KvCache cache(config, {.capacity_tokens = 8, .slack_tokens = 16});
  run(model, in, cache, 0, 10);
  const at::Tensor output =
      model->layers[1]->attention->named_parameters()["output.weight"];
  const at::Tensor kept = output.clone();
  at::Tensor(output).set_data(at::zeros({32, 5}));
  for (const int64_t size : {1, 9}) {
    CHECK_THROWS(run(model, in, cache, 10, size));
    CHECK(cache.num_tokens() == 10);
  }
  at::Tensor(output).set_data(kept);
  CHECK(
      largest_difference(run(model, in, cache, 10, 20), whole.narrow(1, 10, 20)) <
      kTolerance);
}

TEST_CASE("a latent layer's cache is one compressed row a token") {
  TransformerConfig config = config_of(7, 10, 6);
  config.layers.resize(2);
  const CacheRow row = cache_row(config.layers[0]);
  CHECK(row.num_heads == 1);
  CHECK(row.key_width == kKvRank + kRope);
  CHECK(row.value_width == 0);
  const KvCache cache(config, {.capacity_tokens = 64, .slack_tokens = 3});
  // Rows of float32: window and twice the slack, and the capacity.
  CHECK(cache.size_bytes() == ((7 + 2 * 3) + 64) * (kKvRank + kRope) * 4);
  // Grouped queries keep G keys and values.
  LayerConfig grouped;
  grouped.num_kv_heads = 2;
  grouped.head_width = 12;
  CHECK(cache_row(grouped).num_heads == 2);
  CHECK(cache_row(grouped).key_width == 12);
  CHECK(cache_row(grouped).value_width == 12);
}

TEST_CASE("bf16 latent layers give the rows of float32 ones, rounded") {
  const at::NoGradGuard guard;
  const TransformerConfig config = config_of(7, 10, 6);
  Transformer model = make_transformer(config);
  for (at::Tensor& parameter : model->parameters()) {
    parameter.copy_(parameter.to(at::kBFloat16)); // the same weights in both
  }
  const Inputs in = make_inputs(40, 11);
  const at::Tensor expected = at_once(model, in);
  // Three layers of roundings of 2^-9 that add up; a wrong path is off by 1.
  constexpr double kBfloat16 = 0.04;
  KvCache half_cache(
      config, {.capacity_tokens = 8, .slack_tokens = 3, .dtype = at::kBFloat16});
  const std::vector<int64_t> sizes = {5, 1, 1, 1, 20, 1, 1, 10};
  const at::Tensor over_half = in_pieces(model, in, half_cache, sizes);
  CHECK(over_half.scalar_type() == at::kFloat);
  CHECK(relative_difference(over_half, expected) < kBfloat16);
  model->to(at::kBFloat16);
  CHECK(relative_difference(at_once(model, in), expected) < kBfloat16);
  KvCache cache(
      config, {.capacity_tokens = 8, .slack_tokens = 3, .dtype = at::kBFloat16});
  const at::Tensor got = in_pieces(model, in, cache, sizes);
  CHECK(got.scalar_type() == at::kBFloat16);
  CHECK(relative_difference(got, expected) < kBfloat16);
}

} // namespace omni
