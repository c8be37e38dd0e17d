// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("rows land on their slots and the rest stays") {
  const at::Tensor hidden = at::zeros({4, 2});
  const at::Tensor rows = at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).view({2, 2});
  const at::Tensor out = splice_rows(hidden, rows, at::tensor({3, 1}, at::kLong));
  CHECK(at::equal(
      out, at::tensor({0.f, 0.f, 3.f, 4.f, 0.f, 0.f, 1.f, 2.f}).view({4, 2})));
  CHECK(hidden.abs().sum().item<double>() == 0.0);
}

TEST_CASE("hidden rows that are written over get no gradient") {
  const at::Tensor hidden = at::randn({4, 2}).requires_grad_(true);
  const at::Tensor rows = at::randn({2, 2}).to(at::kBFloat16).requires_grad_(true);
  const at::Tensor cotangent = at::arange(1, 9, at::kFloat).view({4, 2});
  splice_rows(hidden, rows, at::tensor({3, 1}, at::kLong)).backward(cotangent);
  CHECK(at::equal(
      hidden.grad(),
      at::tensor({1.f, 2.f, 0.f, 0.f, 5.f, 6.f, 0.f, 0.f}).view({4, 2})));
  CHECK(rows.grad().scalar_type() == at::kBFloat16);
  CHECK(at::equal(
      rows.grad().to(at::kFloat), at::tensor({7.f, 8.f, 3.f, 4.f}).view({2, 2})));
}

TEST_CASE("splice_rows refuses slots outside or taken twice") {
  const at::Tensor hidden = at::zeros({4, 2}), rows = at::zeros({2, 2});
  CHECK_THROWS_WITH(
      splice_rows(hidden, rows, at::tensor({0, 4}, at::kLong)),
      Contains("[splice_rows] expected indices in [0, 4), got 4."));
  CHECK_THROWS_AS(
      splice_rows(hidden, rows, at::tensor({-1, 0}, at::kLong)), c10::IndexError);
  CHECK_THROWS_WITH(
      splice_rows(hidden, rows, at::tensor({2, 2}, at::kLong)),
      Contains("expected distinct indices, got 2 twice."));
  CHECK_THROWS_AS(
      splice_rows(hidden, rows, at::zeros({3}, at::kLong)), c10::ValueError);
  CHECK_THROWS_AS(splice_rows(hidden, rows, at::zeros({2})), c10::TypeError);
}

} // namespace omni::kernels
