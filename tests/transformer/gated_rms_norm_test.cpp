// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/transformer/gated_rms_norm.h"

#include "omni/transformer/block.h"
#include "tests/support/catch.h"
#include "tests/transformer/small_transformer.h"

namespace omni {
namespace {

using testing::kTolerance;
using testing::largest_difference;

constexpr int64_t kWidth = 12, kRank = 3;
const RmsNormConfig kConfig{kWidth, 1e-3, 1.0};

RmsNorm make_random(int64_t rank) {
  torch::manual_seed(2);
  RmsNorm norm = make_norm(kConfig, rank);
  norm->reset_parameters();
  const at::NoGradGuard guard;
  for (at::Tensor& parameter : norm->parameters()) {
    parameter.add_(at::randn(parameter.sizes()) * 0.3);
  }
  return norm;
}

// The equation in float64.
at::Tensor expected_of(RmsNorm& norm, const at::Tensor& x) {
  const auto of = norm->named_parameters();
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor y = wide / (wide.square().mean(-1, true) + kConfig.eps).sqrt() *
      (of["norm_weight"].to(at::kDouble) + kConfig.weight_offset);
  const at::Tensor inner =
      at::silu(at::mm(y, of["gate_down.weight"].to(at::kDouble).t()));
  return y * at::mm(inner, of["gate_up.weight"].to(at::kDouble).t()).sigmoid();
}

} // namespace

TEST_CASE("a gated norm equals its equation, and so do its gradients") {
  RmsNorm norm = make_random(kRank);
  const at::Tensor x = at::randn({5, kWidth}).set_requires_grad(true);
  const at::Tensor grad = at::randn({5, kWidth});
  const at::Tensor got = norm->forward(x);
  got.backward(grad);
  std::vector<at::Tensor> grads = {x.grad().clone()};
  for (const at::Tensor& parameter : norm->parameters()) {
    grads.push_back(parameter.grad().clone());
  }
  REQUIRE(grads.size() == 4);
  x.mutable_grad().reset();
  norm->zero_grad();
  const at::Tensor expected = expected_of(norm, x);
  expected.backward(grad.to(at::kDouble));
  CHECK(largest_difference(got, expected) < kTolerance);
  CHECK(largest_difference(grads[0], x.grad()) < kTolerance);
  for (size_t i = 1; i < grads.size(); ++i) {
    CHECK(largest_difference(grads[i], norm->parameters()[i - 1].grad()) < kTolerance);
  }
}

TEST_CASE("a gated norm of a sum gives the sum as it is") {
  const at::NoGradGuard guard;
  RmsNorm norm = make_random(kRank);
  const at::Tensor branch = at::randn({4, kWidth}), residual = at::randn({4, kWidth});
  const kernels::AddRmsNorm added = norm->add(branch, residual, 0.7);
  const at::Tensor sum = residual + 0.7 * branch;
  CHECK(largest_difference(added.sum, sum) < kTolerance);
  CHECK(largest_difference(added.normed, expected_of(norm, sum)) < kTolerance);
}

TEST_CASE("a gate keeps the dtype and is float32 inside") {
  const at::NoGradGuard guard;
  const at::Tensor x = at::randn({40}).to(at::kBFloat16);
  const at::Tensor logits = at::randn({40}).to(at::kBFloat16);
  const at::Tensor got = gated(x, logits);
  CHECK(got.scalar_type() == at::kBFloat16);
  const at::Tensor exact = x.to(at::kFloat) * logits.to(at::kFloat).sigmoid();
  CHECK(at::equal(got, exact.to(at::kBFloat16)));
  CHECK(gated(x.to(at::kDouble), logits.to(at::kDouble)).scalar_type() == at::kDouble);
}

TEST_CASE("without a rank a norm has no gate") {
  CHECK(
      make_norm(kConfig, 0)->named_parameters().keys() ==
      std::vector<std::string>{"weight"});
}

TEST_CASE("a block's norms are gated where its config says so") {
  TransformerConfig config = testing::make_config(NormPlacement::Sandwich, 0, true);
  config.layers[0].attention_norm_rank = 3;
  config.layers[1].feed_forward_norm_rank = 5;
  Transformer model = testing::make_transformer(config);
  const auto of = model->named_parameters();
  CHECK(of["layers.0.attention_norm.norm_weight"].sizes() == at::IntArrayRef({32}));
  CHECK(
      of["layers.0.attention_norm.gate_down.weight"].sizes() ==
      at::IntArrayRef({3, 32}));
  CHECK(of.contains("layers.0.feed_forward_norm.weight"));
  CHECK(of.contains("layers.0.attention_post_norm.weight"));
  CHECK(
      of["layers.1.feed_forward_norm.gate_up.weight"].sizes() ==
      at::IntArrayRef({32, 5}));
  CHECK(of.contains("layers.1.attention_norm.weight"));
  const testing::Inputs in = testing::make_inputs(9, 4);
  model->forward(TransformerInput{in.hidden, in.positions, {}})
      .square()
      .sum()
      .backward();
  for (const auto& item : of) {
    if (item.key().find("layers.") == 0) {
      INFO(item.key());
      REQUIRE(item.value().grad().defined());
      CHECK(item.value().grad().abs().sum().item<double>() > 0.0);
    }
  }
  config.layers[0].norm_placement = NormPlacement::Post;
  CHECK_THROWS_WITH(
      check_config(config),
      testing::Contains("layers[0].norm_placement with norms before"));
}

} // namespace omni
