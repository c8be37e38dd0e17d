// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/dense_head.h"

#include <cmath>

#include "tests/encoders/filled.h"
#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using omni::testing::filled;

namespace {

DenseHead two_labels(int64_t colour_columns = 3) {
  DenseHead head(DenseHeadOptions{6, {{"shape", 4}, {"colour", 5, 3, colour_columns}}});
  omni::testing::fill_parameters(*head);
  return head;
}

} // namespace

TEST_CASE("cells are means of the rows that they overlap", "[dense_head]") {
  const int64_t num_rows = GENERATE(4, 3, 2, 6);
  const int64_t num_columns = 5;
  DenseHead head = two_labels(/*colour_columns=*/2);
  const at::Tensor rows = filled("rows", {2, num_rows * num_columns, 6}).to(at::kFloat);
  const auto logits = head->forward(rows, num_rows, num_columns);
  REQUIRE(logits.size() == 2);
  REQUIRE(logits[0].sizes() == at::IntArrayRef({2, 3, 3, 4}));
  REQUIRE(logits[1].sizes() == at::IntArrayRef({2, 3, 2, 5}));
  const at::Tensor weight = head->named_parameters()["colour.weight"];
  const at::Tensor bias = head->named_parameters()["colour.bias"];
  for (int64_t y = 0; y < 3; ++y) {
    for (int64_t x = 0; x < 2; ++x) {
      // A cell takes every row that it touches, however little.
      const auto first_y = static_cast<int64_t>(std::floor(y * num_rows / 3.0));
      const auto last_y = static_cast<int64_t>(std::ceil((y + 1) * num_rows / 3.0));
      const auto first_x = static_cast<int64_t>(std::floor(x * num_columns / 2.0));
      const auto last_x = static_cast<int64_t>(std::ceil((x + 1) * num_columns / 2.0));
      at::Tensor mean = at::zeros({2, 6});
      for (int64_t row = first_y; row < last_y; ++row) {
        for (int64_t column = first_x; column < last_x; ++column) {
          mean += rows.select(1, row * num_columns + column);
        }
      }
      mean /= static_cast<double>((last_y - first_y) * (last_x - first_x));
      const at::Tensor expected = at::matmul(mean, weight.t()) + bias;
      CAPTURE(num_rows, y, x);
      CHECK(
          omni::testing::max_difference(logits[1].select(1, y).select(1, x), expected) <
          1e-5);
    }
  }
}

TEST_CASE("losses are sums over targets that are not ignored", "[dense_head]") {
  DenseHead head = two_labels();
  at::Tensor rows = filled("rows", {2, 16, 6}).to(at::kFloat).set_requires_grad(true);
  const auto logits = head->forward(rows, 4, 4);
  at::Tensor shape = at::arange(18, at::kLong).remainder(4).view({2, 3, 3});
  shape[0].fill_(DenseHeadImpl::kIgnore);
  shape[1][2][1] = DenseHeadImpl::kIgnore;
  const at::Tensor none = at::full({2, 3, 3}, DenseHeadImpl::kIgnore, at::kLong);
  const auto losses = head->losses(logits, {shape, none});
  REQUIRE(losses.size() == 2);
  double expected = 0.0;
  for (int64_t y = 0; y < 3; ++y) {
    for (int64_t x = 0; x < 3; ++x) {
      const int64_t target = shape[1][y][x].item<int64_t>();
      if (target >= 0) {
        const at::Tensor p = logits[0][1][y][x].to(at::kDouble).softmax(-1);
        expected -= std::log(p[target].item<double>());
      }
    }
  }
  CHECK(losses[0].sum.item<double>() == Approx(expected).epsilon(1e-5));
  CHECK(losses[0].count == 8);
  CHECK(losses[1].sum.item<double>() == 0.0);
  CHECK(losses[1].count == 0);
  (losses[0].sum + losses[1].sum).backward();
  CHECK(rows.grad()[0].abs().max().item<float>() == 0.0f);
  CHECK(rows.grad()[1].abs().min().item<float>() > 0.0f);
  const at::Tensor rounded = logits[0].to(at::kBFloat16);
  CHECK(
      head->losses({rounded, logits[1]}, {shape, none})[0].sum.scalar_type() ==
      at::kFloat);
}

TEST_CASE("DenseHead says what is wrong", "[dense_head]") {
  DenseHead head = two_labels();
  const auto logits = head->forward(at::zeros({1, 16, 6}), 4, 4);
  at::Tensor targets = at::zeros({1, 3, 3}, at::kLong);
  CHECK_THROWS_WITH(
      head->forward(at::zeros({1, 15, 6}), 4, 4),
      Contains("[dense_head] expected `rows` [-1, 16, 6], got [1, 15, 6]"));
  CHECK_THROWS_WITH(
      head->losses(logits, {targets}), Contains("targets of 2 labels, got 2 and 1"));
  CHECK_THROWS_WITH(
      head->losses(logits, {targets, at::zeros({1, 2, 3}, at::kLong)}),
      Contains("targets of colour"));
  CHECK_THROWS_WITH(
      head->losses(logits, {targets, at::zeros({1, 3, 3})}),
      Contains("int64 on the CPU"));
  targets[0][1][1] = 4;
  CHECK_THROWS_WITH(
      head->losses(logits, {targets, targets}),
      Contains("a class of \"shape\" in [0, 4) or -100, got 4"));
  CHECK_THROWS_WITH(DenseHead(DenseHeadOptions{6, {}}), Contains("at least one label"));
  CHECK_THROWS_WITH(
      DenseHead(DenseHeadOptions{6, {{"a", 2}, {"a", 3}}}),
      Contains("unique label names"));
  CHECK_THROWS_WITH(
      DenseHead(DenseHeadOptions{6, {{"a.b", 2}}}), Contains("got \"a.b\""));
  CHECK_THROWS_WITH(
      DenseHead(DenseHeadOptions{6, {{"a", 0}}}), Contains("one cell for \"a\""));
  CHECK_THROWS_WITH(
      DenseHead(DenseHeadOptions{6, {{"a", 2, 0, 3}}}), Contains("a grid of 0 x 3"));
  CHECK_THROWS_WITH(
      DenseHead(DenseHeadOptions{0, {{"a", 2}}}),
      Contains("a positive input_width, got 0."));
}
