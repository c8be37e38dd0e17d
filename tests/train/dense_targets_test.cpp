// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/dense_targets.h"

#include <ATen/ATen.h>

#include "tests/support/catch.h"

using omni::testing::Contains;

namespace omni {
namespace {

const DenseHeadOptions kHead = {8, {{"shape", 4}, {"glyph", 9, 2, 4}}};

SamplePart with_labels(std::map<std::string, at::Tensor> labels) {
  SamplePart part;
  part.labels = std::move(labels);
  return part;
}

} // namespace

TEST_CASE("targets are in the head's order, and ignored where a sample has none") {
  const at::Tensor glyph = at::arange(8, at::kLong).view({2, 4});
  const auto targets = dense_targets(with_labels({{"glyph", glyph}}), kHead, "a/0.png");
  REQUIRE(targets.size() == 2);
  CHECK(at::equal(targets[0], at::full({3, 3}, DenseHeadImpl::kIgnore, at::kLong)));
  CHECK(at::equal(targets[1], glyph));
}

TEST_CASE("labels that the head does not know are named") {
  const at::Tensor grid = at::zeros({3, 3}, at::kLong);
  CHECK_THROWS_WITH(
      dense_targets(with_labels({{"size", grid}}), kHead, "a/0.png"),
      Contains("a/0.png: expected label grids that the dense head has, got `size`"));
  CHECK_THROWS_WITH(
      dense_targets(with_labels({{"glyph", grid}}), kHead, "a/0.png"),
      Contains("expected `glyph` of 2 x 4 cells, got [3, 3]"));
}

} // namespace omni
