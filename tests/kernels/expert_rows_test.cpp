// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/expert_rows.h"

#include <ATen/ATen.h>
#include <torch/autograd.h>

#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;

at::Tensor integers(std::vector<int64_t> values) {
  return at::tensor(values, at::kLong);
}

} // namespace

TEST_CASE("pairs are sorted by expert and keep their order, int32 or int64") {
  const at::Tensor ids = integers({2, 0, 0, 3, 3, 2}).view({3, 2});
  for (const auto dtype : {at::kLong, at::kInt}) {
    const SortedPairs pairs = sort_pairs(ids.to(dtype), 5);
    CHECK(at::equal(pairs.counts, integers({2, 0, 2, 2, 0})));
    CHECK(at::equal(pairs.rows, integers({0, 1, 0, 2, 1, 2})));
    CHECK(at::equal(pairs.places, integers({2, 0, 1, 4, 5, 3})));
  }
}

TEST_CASE("rows go to their places and come back weighed") {
  const at::Tensor x = at::randn({4, 6});
  const at::Tensor ids = integers({1, 2, 2, 0, 0, 1, 2, 1}).view({4, 2});
  const SortedPairs pairs = sort_pairs(ids, 3);
  const at::Tensor sorted = gather_rows(x, pairs.rows);
  CHECK(at::equal(sorted, x.index_select(0, pairs.rows)));
  const at::Tensor weights = at::tensor({0.25f, 0.75f}).expand({4, 2});
  CHECK(at::allclose(combine_rows(sorted, pairs.places, weights), x, 1e-6, 1e-7));
}

TEST_CASE("bfloat16 terms of a gradient are summed in float32") {
  // Half a unit in the last place each: one by one none of them would count.
  const at::Tensor x = at::zeros({2, 3}, at::kBFloat16).requires_grad_(true);
  const at::Tensor rows = at::zeros({257}, at::kLong);
  at::Tensor grad = at::full({257, 3}, 0.00390625, at::kBFloat16); // 2^-8
  grad[0].fill_(1.0);
  const at::Tensor of_x = torch::autograd::grad({gather_rows(x, rows)}, {x}, {grad})[0];
  CHECK(at::equal(of_x[0], at::full({3}, 2.0, at::kBFloat16)));
  CHECK(at::equal(of_x[1], at::zeros({3}, at::kBFloat16)));
}

TEST_CASE("ops on expert rows name what does not fit") {
  const at::Tensor x = at::zeros({4, 6});
  CHECK_THROWS_WITH(
      sort_pairs(integers({0, 3}).view({1, 2}), 3),
      Contains("[sort_pairs] expected `ids` in [0, 3), got 0 to 3."));
  CHECK_THROWS_AS(sort_pairs(at::zeros({1, 2}), 3), c10::TypeError);
  CHECK_THROWS_WITH(
      sort_pairs(integers({0, 1}), 3),
      Contains("expected ids [L, k] of 1 expert or more, got [2] of 3."));
  CHECK_THROWS_WITH(
      gather_rows(x, integers({0, 4})),
      Contains("[gather_rows] expected `rows` in [0, 4), got 0 to 4."));
  CHECK_THROWS_AS(gather_rows(x, at::zeros({2}, at::kInt)), c10::TypeError);
  CHECK_THROWS_AS(gather_rows(x[0], integers({0})), c10::ValueError);
  CHECK_THROWS_WITH(
      combine_rows(x, integers({0, 1, 2, 1}), at::ones({2, 2})),
      Contains("[combine_rows] expected each place once, got 1 twice."));
  CHECK_THROWS_WITH(
      combine_rows(x, integers({0, 1, 2, 3}), at::ones({2, 1})),
      Contains("[combine_rows] expected y [L k, D], places [L k] and weights [L, k], "
               "got [4, 6], [4] and [2, 1]."));
  CHECK_THROWS_AS(
      combine_rows(x, integers({0, 1, 2, 4}), at::ones({2, 2})), c10::IndexError);
}

} // namespace omni::kernels
