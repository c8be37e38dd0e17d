// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <torch/torch.h>

#include "kernels/reference.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("each block of rows meets its own matrix") {
  // Matrices 1, 10 and 100 of one entry.
  const at::Tensor weight = torch::tensor({1.0F, 10.0F, 100.0F}).view({3, 1, 1});
  const at::Tensor x = torch::tensor({1.0F, 2.0F, 3.0F}).view({3, 1});
  const auto product = [&](const std::vector<int64_t>& counts) {
    return grouped_linear(x, weight, counts).flatten();
  };
  CHECK(at::equal(product({1, 1, 1}), torch::tensor({1.0F, 20.0F, 300.0F})));
  CHECK(at::equal(product({0, 1, 2}), torch::tensor({10.0F, 200.0F, 300.0F})));
  CHECK(at::equal(product({0, 3, 0}), torch::tensor({10.0F, 20.0F, 30.0F})));
  CHECK(
      grouped_linear(x.narrow(0, 0, 0), weight, {0, 0, 0}).sizes() ==
      at::IntArrayRef({0, 1}));
}

TEST_CASE("a grouped product takes a float32 matrix to bfloat16 rows") {
  at::manual_seed(3);
  const std::vector<int64_t> counts = {2, 0, 5};
  const at::Tensor x = at::randn({7, 12}).to(at::kBFloat16).requires_grad_(true);
  const at::Tensor weight = at::randn({3, 9, 12}).requires_grad_(true);
  const auto run = [&](const auto& op) {
    const at::Tensor y = op(x, weight, counts);
    CHECK(y.scalar_type() == at::kBFloat16);
    auto made = torch::autograd::grad({y.to(at::kFloat).square().sum()}, {x, weight});
    made.push_back(y.detach());
    return made;
  };
  const auto ours = run(grouped_linear);
  const auto expected = run(reference::grouped_linear);
  for (size_t i = 0; i < ours.size(); ++i) {
    CAPTURE(i);
    CHECK(ours[i].scalar_type() == expected[i].scalar_type());
    CHECK(at::allclose(ours[i].to(at::kFloat), expected[i].to(at::kFloat), 2e-2, 2e-2));
  }
  CHECK(ours[1][1].abs().max().item<float>() == 0.0F); // it had no rows
  CHECK(ours[1][2].abs().max().item<float>() > 0.0F);
}

TEST_CASE("a grouped product makes only the gradients that are wanted") {
  at::manual_seed(4);
  const at::Tensor x = at::randn({4, 6}), weight = at::randn({2, 5, 6});
  const auto wants = GENERATE(0, 1);
  const at::Tensor leaf = (wants == 0 ? x : weight).clone().requires_grad_(true);
  const auto gradient = [&](const auto& op) {
    const at::Tensor y = wants == 0 ? op(leaf, weight, {3, 1}) : op(x, leaf, {3, 1});
    return torch::autograd::grad({y.square().sum()}, {leaf})[0];
  };
  CHECK(at::allclose(
      gradient(grouped_linear), gradient(reference::grouped_linear), 1e-5, 1e-5));
}

TEST_CASE("a grouped product is differentiated once") {
  const at::Tensor x = at::randn({2, 3}).requires_grad_(true);
  const at::Tensor y = grouped_linear(x, at::randn({1, 4, 3}), {2});
  CHECK_THROWS_AS(
      torch::autograd::grad(
          {y.square().sum()}, {x}, /*grad_outputs=*/{}, /*retain_graph=*/true,
          /*create_graph=*/true),
      c10::NotImplementedError);
}

TEST_CASE("errors of a grouped product say what was expected") {
  const at::Tensor x = at::zeros({5, 4}), weight = at::zeros({2, 3, 4});
  CHECK_THROWS_WITH(
      grouped_linear(x, at::zeros({2, 3, 5}), {2, 3}),
      Contains(
          "[grouped_linear] expected x [N, I] and weight [E, O, I] with E > 0, got "
          "[5, 4] and [2, 3, 5]."));
  CHECK_THROWS_WITH(
      grouped_linear(x, weight, {5}),
      Contains("[grouped_linear] expected a count for each of 2 matrices, got 1."));
  CHECK_THROWS_WITH(
      grouped_linear(x, weight, {6, -1}),
      Contains("[grouped_linear] expected counts in [0, 5], got 6."));
  CHECK_THROWS_WITH(
      grouped_linear(x, weight, {2, 2}),
      Contains("expected counts that add up to the 5 rows of x, got 4."));
  CHECK_THROWS_AS(grouped_linear(x, weight, {2, 2}), c10::ValueError);
  CHECK_THROWS_AS(grouped_linear(x.to(at::kLong), weight, {2, 3}), c10::TypeError);
}

} // namespace omni::kernels
