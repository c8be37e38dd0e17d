// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/transformer.h"

#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {

using testing::Inputs;
using testing::kTolerance;
using testing::largest_difference;
using testing::make_config;
using testing::make_inputs;
using testing::make_transformer;

TEST_CASE("cached decoding equals the full forward pass") {
  const at::NoGradGuard guard;
  const auto placement = GENERATE(
      NormPlacement::Pre, NormPlacement::Post, NormPlacement::Sandwich,
      NormPlacement::PreWithFeedForwardPost);
  const auto window = GENERATE(int64_t{0}, int64_t{7});
  const auto rotates = GENERATE(true, false);
  const TransformerConfig config = make_config(placement, window, rotates);
  Transformer model = make_transformer(config);
  const Inputs in = make_inputs(40, 11);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 4, .slack_tokens = 3});
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (const int64_t size : {9, 1, 1, 12, 1, 1, 1, 14}) {
    pieces.push_back(model->forward(
        TransformerInput{
            in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}},
        cache));
    begin += size;
  }
  REQUIRE(begin == 40);
  CHECK(cache.num_tokens() == 40);
  CHECK(largest_difference(at::cat(pieces, 1), whole) < kTolerance);
}

TEST_CASE("packed sequences equal one by one") {
  const at::NoGradGuard guard;
  const auto window = GENERATE(int64_t{0}, int64_t{5});
  Transformer model = make_transformer(make_config(NormPlacement::Pre, window, true));
  const std::vector<int64_t> lengths = {13, 1, 20};
  std::vector<at::Tensor> hidden;
  std::vector<at::Tensor> positions;
  std::vector<at::Tensor> segments;
  std::vector<at::Tensor> alone;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const Inputs in = make_inputs(lengths[i], 20 + static_cast<int64_t>(i));
    hidden.push_back(in.hidden);
    positions.push_back(in.positions);
    segments.push_back(at::full({1, lengths[i]}, static_cast<int64_t>(i), at::kLong));
    alone.push_back(model->forward(TransformerInput{in.hidden, in.positions, {}}));
  }
  const Inputs padding = make_inputs(6, 99);
  hidden.push_back(padding.hidden);
  positions.push_back(padding.positions);
  segments.push_back(at::full({1, 6}, -1, at::kLong));
  const at::Tensor packed = model->forward(TransformerInput{
      at::cat(hidden, 1), at::cat(positions, 1), at::cat(segments, 1)});
  CHECK(packed.isfinite().all().item<bool>());
  CHECK(largest_difference(packed.narrow(1, 0, 34), at::cat(alone, 1)) < kTolerance);
}

TEST_CASE("a cache that is cut back goes on as if it had never been longer") {
  const at::NoGradGuard guard;
  const TransformerConfig config = make_config(NormPlacement::Pre, 6, true);
  Transformer model = make_transformer(config);
  const Inputs in = make_inputs(30, 5);
  const at::Tensor whole =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  KvCache cache(config, {.capacity_tokens = 64, .slack_tokens = 16});
  const auto run = [&](int64_t begin, int64_t size) {
    return model->forward(
        TransformerInput{
            in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}},
        cache);
  };
  run(0, 18);
  REQUIRE(cache.truncate(15));
  CHECK(cache.num_tokens() == 15);
  CHECK(largest_difference(run(15, 15), whole.narrow(1, 15, 15)) < kTolerance);
}

TEST_CASE("attention sees no further back than the window") {
  const at::NoGradGuard guard;
  TransformerConfig config = make_config(NormPlacement::Pre, 4, true);
  config.layers.resize(1);
  Transformer model = make_transformer(config);
  Inputs in = make_inputs(12, 8);
  const at::Tensor before =
      model->forward(TransformerInput{in.hidden.clone(), in.positions, {}});
  in.hidden.select(1, 2).add_(1.0);
  const at::Tensor after =
      model->forward(TransformerInput{in.hidden, in.positions, {}});
  const at::Tensor changed = (before - after).abs().amax(-1)[0].gt(1e-6);
  for (int64_t i = 0; i < 12; ++i) {
    INFO("row " << i);
    CHECK(changed[i].item<bool>() == (i >= 2 && i <= 5));
  }
}

TEST_CASE("gradients reach every parameter") {
  const auto placement =
      GENERATE(NormPlacement::Sandwich, NormPlacement::PreWithFeedForwardPost);
  Transformer model = make_transformer(make_config(placement, 5, true));
  const at::Tensor ids = at::randint(0, 50, {2, 9});
  const at::Tensor positions =
      at::arange(9, at::kFloat).view({1, 9, 1}).expand({2, 9, 3});
  const at::Tensor hidden =
      model->forward(TransformerInput{model->embed(ids), positions, {}});
  model->logits(hidden).square().sum().backward();
  for (const auto& item : model->named_parameters()) {
    INFO(item.key());
    REQUIRE(item.value().grad().defined());
    CHECK(item.value().grad().abs().sum().item<double>() > 0.0);
  }
}

TEST_CASE("an impossible configuration is refused by the field's name") {
  TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
  config.layers[1].num_heads = 5;
  CHECK_THROWS_WITH(
      check_config(config), omni::testing::Contains("layers[1].num_kv_heads"));
  config = make_config(NormPlacement::Pre, 0, true);
  config.layers[0].rotary.axis_sections = {1, 1, 1};
  CHECK_THROWS_WITH(check_config(config), omni::testing::Contains("axis_sections"));
  config = make_config(NormPlacement::Pre, 0, true);
  config.norm_eps = std::nan("");
  CHECK_THROWS_WITH(check_config(config), omni::testing::Contains("norm_eps"));
  config = make_config(NormPlacement::Pre, 0, true);
  config.width = int64_t{1} << 40;
  CHECK_THROWS_WITH(check_config(config), omni::testing::Contains("width"));
}

} // namespace omni
