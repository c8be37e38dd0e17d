// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What an index chooses, and that a decoder with indexes gives in pieces what it gives
// at once. Its equations are held in latent_attention_test.cpp.
#include "omni/transformer/sparse_index.h"

#include <cmath>
#include <limits>

#include "omni/transformer/kv_cache.h"
#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

using testing::Inputs;
using testing::kTolerance;
using testing::largest_difference;

SparseIndex make_index(int64_t kept_rows) {
  LatentConfig latent;
  latent.q_rank = 6;
  latent.rope_width = 4;
  latent.index = {kept_rows, 2, 4, 1e-6};
  SparseIndex index(8, latent);
  index->reset_parameters(0.4);
  return index;
}

// Rows of one head whose score with key j is scores[j]: query (1, 0, ..), keys
// (score, 0, ..), the second head without weight.
IndexRows rows_of(int64_t num_rows, int64_t num_keys) {
  IndexRows rows;
  rows.q = at::zeros({num_rows, 2, 4});
  rows.q.select(2, 0).fill_(1.0);
  rows.k = at::zeros({num_keys, 4});
  rows.weights = at::zeros({num_rows, 2});
  rows.weights.select(1, 0).fill_(1.0);
  return rows;
}

at::Tensor keys_of(const std::vector<float>& scores) {
  const at::Tensor keys = at::zeros({static_cast<int64_t>(scores.size()), 4});
  for (size_t i = 0; i < scores.size(); ++i) {
    keys[static_cast<int64_t>(i)][0].fill_(scores[i]);
  }
  return keys;
}

std::vector<int64_t> chosen(const at::Tensor& is_chosen_L) {
  const at::Tensor ids = is_chosen_L.nonzero().squeeze(1);
  return {ids.const_data_ptr<int64_t>(), ids.const_data_ptr<int64_t>() + ids.numel()};
}

// A sparse gated layer, one that sees all, and one of grouped queries that slides.
TransformerConfig config_of(int64_t kept_rows) {
  TransformerConfig config = testing::make_config(NormPlacement::Pre, 6, true);
  LayerConfig latent = config.layers[1];
  latent.attention = AttentionKind::Latent;
  latent.num_heads = 3;
  latent.latent = {10, 14, 8, 4, 6, 1e-5, true, {kept_rows, 8, 6, 1e-6}};
  latent.has_qk_norm = false;
  latent.rotary = {};
  latent.rotary.kind = RotaryKind::InterleavedPairs;
  const LayerConfig sliding = config.layers[0];
  config.layers = {latent, sliding, latent};
  config.layers[2].latent.index.kept_rows = 2 * kept_rows;
  check_config(config);
  return config;
}

at::Tensor
run(Transformer& model, const Inputs& in, KvCache& cache, int64_t begin, int64_t size) {
  return model->forward(
      TransformerInput{
          in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}},
      cache);
}

} // namespace

TEST_CASE("the rows with the best scores are chosen, none of them later") {
  SparseIndex index = make_index(2);
  const at::Tensor keys = keys_of({0.5F, 3.0F, 1.0F, 2.0F, 9.0F});
  const at::Tensor is_chosen = index->choose(rows_of(4, 5), keys);
  REQUIRE(is_chosen.sizes() == at::IntArrayRef({4, 5}));
  CHECK(chosen(is_chosen[0]) == std::vector<int64_t>{0, 1});
  CHECK(chosen(is_chosen[1]) == std::vector<int64_t>{1, 2});
  CHECK(chosen(is_chosen[2]) == std::vector<int64_t>{1, 3});
  CHECK(chosen(is_chosen[3]) == std::vector<int64_t>{1, 4});
  // No more keys than are kept: all that are seen.
  const at::Tensor few = index->choose(rows_of(2, 2), keys.narrow(0, 0, 2));
  CHECK(chosen(few[0]) == std::vector<int64_t>{0});
  CHECK(chosen(few[1]) == std::vector<int64_t>{0, 1});
}

TEST_CASE("heads add up by their weights, negative products and all") {
  SparseIndex index = make_index(1);
  IndexRows rows = rows_of(1, 3);
  // Products 2, -5, 1 with the first head; minus weights turn the order round.
  const at::Tensor keys = keys_of({2.0F, -5.0F, 1.0F});
  CHECK(chosen(index->choose(rows, keys)[0]) == std::vector<int64_t>{0});
  rows.weights.select(1, 0).fill_(-1.0);
  CHECK(chosen(index->choose(rows, keys)[0]) == std::vector<int64_t>{1});
  // The second head sees -key: products 0, 5, 0.
  rows.q.select(1, 1).select(1, 0).fill_(-1.0);
  rows.weights.fill_(1.0);
  CHECK(chosen(index->choose(rows, keys)[0]) == std::vector<int64_t>{1});
}

TEST_CASE("of rows that score alike the earlier are kept, and NaN keeps all") {
  SparseIndex index = make_index(2);
  const at::Tensor keys = keys_of({1.0F, -1.0F, 0.0F, -7.0F, 2.0F});
  CHECK(chosen(index->choose(rows_of(1, 5), keys)[0]) == std::vector<int64_t>{0, 4});
  CHECK(
      chosen(index->choose(rows_of(1, 4), keys.narrow(0, 0, 4))[0]) ==
      std::vector<int64_t>{0, 1});
  keys[2][0].fill_(std::numeric_limits<float>::quiet_NaN());
  CHECK(chosen(index->choose(rows_of(1, 5), keys)[0]).size() == 5);
}

TEST_CASE("an index is the same of bf16 rows as of their float32 values") {
  SparseIndex index = make_index(3);
  const at::Tensor x = at::randn({20, 8}).to(at::kBFloat16);
  const at::Tensor q_latent = at::randn({20, 6}).to(at::kBFloat16);
  index->to(at::kBFloat16);
  const IndexRows rows = index->project(x, q_latent, {});
  CHECK(rows.q.scalar_type() == at::kBFloat16);
  CHECK(rows.k.scalar_type() == at::kBFloat16);
  CHECK(rows.weights.scalar_type() == at::kFloat);
  const IndexRows wide{rows.q.to(at::kFloat), rows.k.to(at::kFloat), rows.weights};
  CHECK(at::equal(index->choose(rows, rows.k), index->choose(wide, wide.k)));
}

TEST_CASE("sparse attention over many blocks equals a masked softmax") {
  // More rows than are taken at once, and whole stretches that no row chooses.
  constexpr int64_t kRows = 150, kAll = 1300;
  torch::manual_seed(8);
  SparseIndex index = make_index(4);
  IndexRows rows{
      at::randn({kRows, 2, 4}), at::randn({kRows, 4}), at::randn({kRows, 2})};
  const at::Tensor index_keys = at::randn({kAll, 4});
  index_keys.narrow(0, 200, 900).zero_();
  rows.weights.abs_();
  const AttendedRows attended{
      at::randn({kRows, 3, 6}), at::randn({kAll, 3, 6}), at::randn({kAll, 3, 6})};
  const at::Tensor got = index->attend(attended, rows, index_keys, 0.3);
  const at::Tensor is_chosen = index->choose(rows, index_keys);
  CHECK(is_chosen.sum(1).eq(4).all().item<bool>());
  const at::Tensor scores =
      at::matmul(
          attended.q.transpose(0, 1), attended.keys.transpose(0, 1).transpose(1, 2)) *
      0.3;
  const at::Tensor expected =
      at::matmul(
          scores
              .masked_fill(
                  is_chosen.logical_not(), -std::numeric_limits<double>::infinity())
              .softmax(-1),
          attended.values.transpose(0, 1))
          .transpose(0, 1);
  CHECK(largest_difference(got, expected) < kTolerance);
}

TEST_CASE("cached decoding of sparse layers equals the full forward pass") {
  const at::NoGradGuard guard;
  const auto kept_rows = GENERATE(int64_t{1}, int64_t{4}, int64_t{11}, int64_t{30});
  const TransformerConfig config = config_of(kept_rows);
  Transformer model = testing::make_transformer(config);
  const Inputs in = testing::make_inputs(40, 11);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 4, .slack_tokens = 6});
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (const int64_t size : {9, 1, 1, 12, 1, 1, 1, 2, 12}) {
    pieces.push_back(run(model, in, cache, begin, size));
    begin += size;
  }
  REQUIRE(begin == 40);
  CHECK(largest_difference(at::cat(pieces, 1), whole) < kTolerance);
  REQUIRE(cache.truncate(36));
  CHECK(
      largest_difference(run(model, in, cache, 36, 4), whole.narrow(1, 36, 4)) <
      kTolerance);
}

TEST_CASE("packed sequences of sparse layers equal one by one") {
  const at::NoGradGuard guard;
  Transformer model = testing::make_transformer(config_of(4));
  const Inputs first = testing::make_inputs(13, 20),
               second = testing::make_inputs(3, 21);
  const Inputs padding = testing::make_inputs(2, 22),
               third = testing::make_inputs(20, 23);
  const auto filled = [](int64_t size, int64_t id) {
    return at::full({1, size}, id, at::kLong);
  };
  const at::Tensor packed = model->forward(TransformerInput{
      at::cat({first.hidden, second.hidden, padding.hidden, third.hidden}, 1),
      at::cat(
          {first.positions, second.positions, padding.positions, third.positions}, 1),
      at::cat({filled(13, 0), filled(3, 1), filled(2, -1), filled(20, 2)}, 1)});
  CHECK(packed.isfinite().all().item<bool>());
  int64_t begin = 0;
  for (const Inputs* in : {&first, &second, &padding, &third}) {
    const int64_t size = in->hidden.size(1);
    if (in != &padding) {
      const at::Tensor alone =
          model->forward(TransformerInput{in->hidden, in->positions, {}});
      CHECK(largest_difference(packed.narrow(1, begin, size), alone) < kTolerance);
    }
    begin += size;
  }
}

TEST_CASE("a sparse layer's cache keeps the key of its index") {
  const TransformerConfig config = config_of(4);
  const CacheRow row = cache_row(config.layers[0]);
  CHECK(row.num_heads == 1);
  CHECK(row.key_width == 14 + 4);
  CHECK(row.value_width == 6);
}

TEST_CASE("an impossible index is refused by the field's name") {
  const auto refused = [](const auto& change) {
    TransformerConfig config = config_of(4);
    change(config.layers[0]);
    try {
      check_config(config);
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  using omni::testing::Contains;
  CHECK_THAT(
      refused([](LayerConfig& of) { of.latent.index.kept_rows = -1; }),
      Contains("layers[0].latent.index.kept_rows"));
  CHECK_THAT(
      refused([](LayerConfig& of) { of.latent.index.num_heads = 0; }),
      Contains("latent.index.num_heads"));
  CHECK_THAT(
      refused([](LayerConfig& of) { of.latent.index.width = 3; }),
      Contains("latent.index.width (from latent.rope_width) between 4"));
  CHECK_THAT(
      refused([](LayerConfig& of) { of.latent.index.norm_eps = 0.0; }),
      Contains("latent.index.norm_eps"));
  CHECK_THAT(
      refused([](LayerConfig& of) { of.sliding_window = 5; }),
      Contains("sliding_window = 0 with latent.index"));
  CHECK_THAT(
      refused([](LayerConfig& of) { of.latent.q_rank = 0; }),
      Contains("latent.q_rank with latent.has_output_gate or latent.index"));
}

} // namespace omni
