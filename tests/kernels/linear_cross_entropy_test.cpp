// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "kernels/reference.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;
using testing::normal;
using testing::tested_device;

at::TensorOptions ids_on_device() {
  return at::TensorOptions(tested_device()).dtype(at::kLong);
}

} // namespace

TEST_CASE("the sum of rows is torch's cross entropy") {
  const at::Tensor hidden = at::randn({700, 16}, tested_device());
  const at::Tensor weight = at::randn({50, 16}, tested_device());
  at::Tensor targets = at::randint(0, 50, {700}, ids_on_device());
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
    const at::Tensor hidden =
        at::randn({1300, 24}, tested_device()).to(dtype).requires_grad_(true);
    const at::Tensor weight =
        (at::randn({70, 24}, tested_device()) * 0.3).to(dtype).requires_grad_(true);
    at::Tensor targets = at::randint(0, 70, {1300}, ids_on_device());
    targets.narrow(0, 500, 400).fill_(kIgnoredTarget);
    const LinearCrossEntropyOptions options{
        0.7, 1e-3, at::rand({1300}, tested_device())};
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
  const at::Tensor hidden =
      at::randn({9, 8}, tested_device()).to(at::kBFloat16).requires_grad_(true);
  const at::Tensor weight = at::randn({11, 8}, tested_device()).requires_grad_(true);
  const at::Tensor targets = at::arange(9, ids_on_device());
  const auto out = linear_cross_entropy(hidden, weight, targets);
  CHECK(out.loss.scalar_type() == at::kFloat);
  out.loss.backward();
  CHECK(hidden.grad().scalar_type() == at::kBFloat16);
  CHECK(weight.grad().scalar_type() == at::kFloat);
}

TEST_CASE("only what needs a gradient gets one, and backward may run twice") {
  const at::Tensor hidden = at::randn({5, 8}, tested_device()).requires_grad_(true);
  const at::Tensor weight = at::randn({11, 8}, tested_device());
  const at::Tensor targets = at::arange(5, ids_on_device());
  const auto out = linear_cross_entropy(hidden, weight, targets);
  out.loss.backward({}, /*retain_graph=*/true);
  const at::Tensor once = hidden.grad().clone();
  out.loss.backward();
  CHECK(at::allclose(hidden.grad(), once * 2));
  CHECK_FALSE(
      linear_cross_entropy(hidden.detach(), weight, targets).loss.requires_grad());
}

TEST_CASE("nothing supervised is zero, with zero gradients") {
  const at::Tensor hidden = at::randn({4, 8}, tested_device()).requires_grad_(true);
  const at::Tensor weight = at::randn({11, 8}, tested_device()).requires_grad_(true);
  const at::Tensor targets = at::full({4}, kIgnoredTarget, ids_on_device());
  const auto out = linear_cross_entropy(hidden, weight, targets);
  CHECK(out.loss.item<double>() == 0.0);
  out.loss.backward();
  CHECK(hidden.grad().abs().max().item<double>() == 0.0);
  CHECK(weight.grad().abs().max().item<double>() == 0.0);
}

TEST_CASE("ignored rows are not computed, whatever they hold") {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor clean = normal({9, 8}, dtype, 1).to(tested_device());
    const at::Tensor weight = normal({11, 8}, dtype, 2).to(tested_device());
    const at::Tensor row_weights = normal({9}, at::kFloat, 3).abs().to(tested_device());
    at::Tensor targets = at::arange(9, ids_on_device());
    targets.slice(0, 1, 9, 3).fill_(kIgnoredTarget);
    const at::Tensor is_ignored = targets == kIgnoredTarget;
    const auto outputs = [&](double ignored) -> testing::Tensors {
      const at::Tensor hidden =
          clean.masked_fill(is_ignored.unsqueeze(1), ignored).requires_grad_(true);
      const at::Tensor weight_leaf = weight.clone().requires_grad_(true);
      const auto out = linear_cross_entropy(
          hidden, weight_leaf, targets,
          {.row_weights = row_weights.masked_fill(is_ignored, ignored)});
      out.loss.backward();
      return {out.loss, out.row_losses, hidden.grad(), weight_leaf.grad()};
    };
    const testing::Tensors expected = outputs(0.0);
    for (const double ignored : {1e30, static_cast<double>(NAN)}) {
      CHECK(testing::difference(outputs(ignored), expected, 0.0) == "");
    }
    CHECK(at::equal(expected[1].eq(0.0), is_ignored));
    CHECK(at::equal(expected[2].eq(0.0).all(1), is_ignored));
  }
}

TEST_CASE("logits of 1e4 stay finite") {
  const at::Tensor hidden =
      at::full({2, 1}, 100.0f, tested_device()).requires_grad_(true);
  const at::Tensor weight =
      at::tensor({100.0f, -100.0f, 99.0f}, tested_device()).view({3, 1});
  const auto out =
      linear_cross_entropy(hidden, weight, at::tensor({0, 1}, ids_on_device()));
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
