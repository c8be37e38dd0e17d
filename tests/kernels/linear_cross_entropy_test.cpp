// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "kernels/reference.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("the sum of rows is torch's cross entropy") {
  const at::Tensor hidden = at::randn({700, 16}), weight = at::randn({50, 16});
  at::Tensor targets = at::randint(0, 50, {700}, at::kLong);
  targets.slice(0, 0, 700, 7).fill_(kIgnoredTarget);
  const LinearCrossEntropy out = linear_cross_entropy(hidden, weight, targets);
  const at::Tensor expected = at::cross_entropy_loss(
      at::matmul(hidden, weight.t()), targets, {}, at::Reduction::None);
  CHECK(at::allclose(out.row_losses, expected, 1e-4, 1e-5));
  CHECK(out.loss.item<double>() == Approx(expected.sum().item<double>()).epsilon(1e-5));
  CHECK(out.row_losses[7].item<double>() == 0.0);
  CHECK_FALSE(out.row_losses.requires_grad());
}

TEST_CASE("many chunks of rows give the gradient of the whole") {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor hidden = at::randn({1300, 24}).to(dtype).requires_grad_(true);
    const at::Tensor weight =
        (at::randn({70, 24}) * 0.3).to(dtype).requires_grad_(true);
    at::Tensor targets = at::randint(0, 70, {1300}, at::kLong);
    targets.narrow(0, 500, 400).fill_(kIgnoredTarget);
    const LinearCrossEntropyOptions options{0.7, 1e-3, at::rand({1300})};
    (linear_cross_entropy(hidden, weight, targets, options).loss * 3.0).backward();
    const at::Tensor h = hidden.detach().to(at::kDouble).requires_grad_(true);
    const at::Tensor w = weight.detach().to(at::kDouble).requires_grad_(true);
    (reference::linear_cross_entropy(h, w, targets, options).loss * 3.0).backward();
    const double tolerance = dtype == at::kFloat ? 1e-5 : 2e-2;
    CHECK(hidden.grad().scalar_type() == dtype);
    CHECK(at::allclose(hidden.grad().to(at::kDouble), h.grad(), tolerance, tolerance));
    // Sums of some 900 rows: relative to the largest entry.
    const double largest = w.grad().abs().max().item<double>();
    CHECK(at::allclose(
        weight.grad().to(at::kDouble), w.grad(), tolerance, tolerance * largest));
    CHECK(hidden.grad().narrow(0, 500, 400).abs().max().item<double>() == 0.0);
  }
}

TEST_CASE("bfloat16 rows with a float32 weight keep the weight's gradient in float32") {
  const at::Tensor hidden = at::randn({9, 8}).to(at::kBFloat16).requires_grad_(true);
  const at::Tensor weight = at::randn({11, 8}).requires_grad_(true);
  const at::Tensor targets = at::arange(9, at::kLong);
  const auto out = linear_cross_entropy(hidden, weight, targets);
  CHECK(out.loss.scalar_type() == at::kFloat);
  out.loss.backward();
  CHECK(hidden.grad().scalar_type() == at::kBFloat16);
  CHECK(weight.grad().scalar_type() == at::kFloat);
}

TEST_CASE("only what needs a gradient gets one, and backward may run twice") {
  const at::Tensor hidden = at::randn({5, 8}).requires_grad_(true);
  const at::Tensor weight = at::randn({11, 8});
  const at::Tensor targets = at::arange(5, at::kLong);
  const auto out = linear_cross_entropy(hidden, weight, targets);
  out.loss.backward({}, /*retain_graph=*/true);
  const at::Tensor once = hidden.grad().clone();
  out.loss.backward();
  CHECK(at::allclose(hidden.grad(), once * 2));
  CHECK_FALSE(
      linear_cross_entropy(hidden.detach(), weight, targets).loss.requires_grad());
}

TEST_CASE("nothing supervised is zero, with zero gradients") {
  const at::Tensor hidden = at::randn({4, 8}).requires_grad_(true);
  const at::Tensor weight = at::randn({11, 8}).requires_grad_(true);
  const at::Tensor targets = at::full({4}, kIgnoredTarget, at::kLong);
  const auto out = linear_cross_entropy(hidden, weight, targets);
  CHECK(out.loss.item<double>() == 0.0);
  out.loss.backward();
  CHECK(hidden.grad().abs().max().item<double>() == 0.0);
  CHECK(weight.grad().abs().max().item<double>() == 0.0);
}

TEST_CASE("logits of 1e4 stay finite") {
  const at::Tensor hidden = at::full({2, 1}, 100.0f).requires_grad_(true);
  const at::Tensor weight = at::tensor({100.0f, -100.0f, 99.0f}).view({3, 1});
  const auto out = linear_cross_entropy(hidden, weight, at::tensor({0, 1}, at::kLong));
  CHECK(out.row_losses[0].item<double>() == Approx(0.0).margin(1e-6));
  CHECK(out.row_losses[1].item<double>() == Approx(20000.0));
  out.loss.backward();
  CHECK(at::isfinite(hidden.grad()).all().item<bool>());
}

TEST_CASE("linear_cross_entropy names wrong targets and shapes") {
  const at::Tensor hidden = at::zeros({2, 4}), weight = at::zeros({3, 4});
  CHECK_THROWS_WITH(
      linear_cross_entropy(hidden, weight, at::tensor({0, 3}, at::kLong)),
      Contains("expected targets in [0, 3) or -100, got 3."));
  CHECK_THROWS_AS(
      linear_cross_entropy(hidden, weight, at::tensor({0, -1}, at::kLong)),
      c10::IndexError);
  CHECK_THROWS_AS(
      linear_cross_entropy(hidden, weight, at::zeros({3}, at::kLong)), c10::ValueError);
  CHECK_THROWS_AS(linear_cross_entropy(hidden, weight, at::zeros({2})), c10::TypeError);
  CHECK_THROWS_WITH(
      linear_cross_entropy(
          hidden, weight, at::zeros({2}, at::kLong), {.row_weights = at::zeros({3})}),
      Contains("expected row_weights [2], got [3]."));
}

} // namespace omni::kernels
