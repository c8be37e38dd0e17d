// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The decoder in bf16, under autocast, and over batches; and what it refuses.
#include <ATen/autocast_mode.h>

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
using testing::relative_difference;

namespace {

class Autocast {
 public:
  Autocast() {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
};

} // namespace

// Two layers of bf16 products and sums: some roundings of 2^-9, which add up like a
// random walk. 0.02 is four times what they come to; a wrong path is off by 1.
constexpr double kBfloat16 = 0.02;

TEST_CASE("bf16 parameters give the rows of float32 ones, rounded") {
  const at::NoGradGuard guard;
  const TransformerConfig config = make_config(
      GENERATE(
          NormPlacement::Pre, NormPlacement::Post, NormPlacement::Sandwich,
          NormPlacement::PreWithFeedForwardPost),
      7, true);
  Transformer model = make_transformer(config);
  for (at::Tensor& parameter : model->parameters()) {
    parameter.copy_(parameter.to(at::kBFloat16)); // the same weights in both
  }
  const Inputs in = make_inputs(40, 11);
  const at::Tensor expected = model->forward({in.hidden, in.positions, {}});
  const at::Tensor expected_logits = model->logits(expected);
  model->to(at::kBFloat16);
  const at::Tensor got = model->forward({in.hidden, in.positions, {}});
  CHECK(got.scalar_type() == at::kBFloat16);
  CHECK(relative_difference(got, expected) < kBfloat16);
  CHECK(relative_difference(model->logits(got), expected_logits) < kBfloat16);
  // Decoding one by one over a cache of the same dtype.
  KvCache cache(
      config, {.capacity_tokens = 8, .slack_tokens = 3, .dtype = at::kBFloat16});
  std::vector<at::Tensor> rows;
  for (int64_t i = 0; i < 40; i += 5) {
    const int64_t size = i == 0 ? 5 : 1;
    for (int64_t j = i; j < i + 5; j += size) {
      rows.push_back(model->forward(
          {in.hidden.narrow(1, j, size), in.positions.narrow(1, j, size), {}}, cache));
    }
  }
  CHECK(relative_difference(at::cat(rows, 1), expected) < kBfloat16);
}

TEST_CASE("autocast trains float32 parameters nearly as without") {
  Transformer model = make_transformer(make_config(NormPlacement::Pre, 7, true));
  model->train();
  const at::Tensor ids = at::arange(30).view({2, 15});
  const at::Tensor positions =
      at::arange(15, at::kFloat).view({1, 15, 1}).expand({2, 15, 3});
  const auto step = [&] {
    model->zero_grad();
    const at::Tensor hidden = model->forward({model->embed(ids), positions, {}});
    const at::Tensor loss =
        model->logits(hidden).to(at::kFloat).log_softmax(-1).select(2, 3).mean();
    loss.backward();
    return loss.item<double>();
  };
  const double expected_loss = step();
  std::vector<at::Tensor> expected;
  for (const at::Tensor& parameter : model->parameters()) {
    expected.push_back(parameter.grad().clone());
  }
  double loss = 0.0;
  {
    const Autocast autocast;
    loss = step();
  }
  CHECK(loss == Approx(expected_loss).epsilon(0.01));
  size_t i = 0;
  for (const auto& item : model->named_parameters()) {
    INFO(item.key());
    CHECK(item.value().grad().scalar_type() == at::kFloat);
    CHECK(relative_difference(item.value().grad(), expected[i++]) < 0.05);
  }
}

TEST_CASE("rows of a batch are sequences of their own, padded at the end") {
  const at::NoGradGuard guard;
  Transformer model = make_transformer(
      make_config(NormPlacement::Pre, GENERATE(int64_t{0}, int64_t{4}), true));
  const Inputs first = make_inputs(12, 1), second = make_inputs(12, 2);
  const auto alone = [&](const Inputs& in, int64_t length) {
    return model->forward(
        {in.hidden.narrow(1, 0, length), in.positions.narrow(1, 0, length), {}});
  };
  const at::Tensor hidden = at::cat({first.hidden, second.hidden});
  const at::Tensor positions = at::cat({first.positions, second.positions});
  const at::Tensor both = model->forward({hidden, positions, {}});
  CHECK(largest_difference(both[0], alone(first, 12)[0]) < kTolerance);
  CHECK(largest_difference(both[1], alone(second, 12)[0]) < kTolerance);
  at::Tensor segments = at::zeros({2, 12}, at::kLong);
  segments[1].narrow(0, 7, 5).fill_(-1);
  const at::Tensor padded = model->forward({hidden, positions, segments});
  CHECK(largest_difference(padded[0], alone(first, 12)[0]) < kTolerance);
  CHECK(
      largest_difference(padded[1].narrow(0, 0, 7), alone(second, 7)[0]) < kTolerance);
  CHECK(padded.isfinite().all().item<bool>());
}

TEST_CASE("gradients do not flow into padding or across segments") {
  Transformer model = make_transformer(make_config(NormPlacement::Pre, 0, true));
  const Inputs in = make_inputs(10, 3);
  const at::Tensor segments =
      at::tensor({0, 0, 0, 0, 1, 1, 1, -1, -1, -1}, at::kLong).view({1, 10});
  const at::Tensor hidden = in.hidden.clone().set_requires_grad(true);
  model->forward({hidden, in.positions, segments}).narrow(1, 4, 3).sum().backward();
  const at::Tensor touched = hidden.grad().abs().sum(-1)[0].gt(0);
  for (int64_t i = 0; i < 10; ++i) {
    INFO("row " << i);
    CHECK(touched[i].item<bool>() == (i >= 4 && i < 7));
  }
}

TEST_CASE("input of another shape is refused by name and size") {
  using omni::testing::Contains;
  Transformer model = make_transformer(make_config(NormPlacement::Pre, 0, true));
  const at::Tensor hidden = at::zeros({2, 5, 32}), positions = at::zeros({2, 5, 3});
  const auto run = [&](at::Tensor h, at::Tensor p, at::Tensor s) {
    return model->forward(TransformerInput{std::move(h), std::move(p), std::move(s)});
  };
  CHECK_THROWS_WITH(
      run(at::zeros({2, 5, 31}), positions, {}),
      Contains("[transformer] expected `hidden` [-1, -1, 32], got [2, 5, 31]"));
  CHECK_THROWS_WITH(
      run(at::zeros({5, 32}), positions, {}),
      Contains("`hidden` [-1, -1, 32], got [5, 32]"));
  CHECK_THROWS_WITH(
      run(hidden, at::zeros({2, 5}), {}),
      Contains("`positions` [2, 5, 3], got [2, 5]"));
  CHECK_THROWS_WITH(
      run(hidden, positions, at::zeros({2, 4}, at::kLong)),
      Contains("`segments` [2, 5], got [2, 4]"));
  CHECK_THROWS_WITH(
      run(hidden, positions, at::zeros({2, 5})), Contains("`segments` int64, got"));
  CHECK_THROWS_WITH(
      run(hidden, positions,
          at::tensor({0, 0, 0, 0, 0, 4, 4, 5, 4, 5}, at::kLong).view({2, 5})),
      Contains(
          "rows of a segment to be next to each other, got segment 4 again at [1, 3]"));
}

TEST_CASE("a cache takes one sequence that fits") {
  using omni::testing::Contains;
  TransformerConfig config = make_config(NormPlacement::Pre, 0, true);
  config.max_positions = 8;
  Transformer model = make_transformer(config);
  KvCache cache(config, {.capacity_tokens = 2});
  const auto run = [&](int64_t batch, int64_t length, const at::Tensor& segments = {}) {
    return model->forward(
        TransformerInput{
            at::zeros({batch, length, 32}), at::zeros({batch, length, 3}), segments},
        cache);
  };
  CHECK_THROWS_WITH(
      run(2, 3),
      Contains("[transformer] expected one sequence and no segments with a cache, got "
               "hidden [2, 3, 32]."));
  CHECK_THROWS_WITH(run(1, 3, at::zeros({1, 3}, at::kLong)), Contains("and segments."));
  CHECK_NOTHROW(run(1, 6));
  CHECK_THROWS_WITH(run(1, 3), Contains("at most max_positions = 8 rows, got 9"));
  CHECK(cache.num_tokens() == 6);
  CHECK_NOTHROW(run(1, 2));
}

} // namespace omni
