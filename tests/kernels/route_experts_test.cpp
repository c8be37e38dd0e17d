// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <limits>

#include "kernels/reference.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Of both versions, which agree on the ids.
std::vector<int64_t> ids_of(
    std::vector<float> logits,
    const RouteOptions& options,
    const std::optional<at::Tensor>& bias = {}) {
  const at::Tensor row = at::tensor(logits).unsqueeze(0);
  const at::Tensor ids = route_experts(row, bias, options).ids;
  CHECK(at::equal(ids, reference::route_experts(row, bias, options).ids));
  const int64_t* first = ids.const_data_ptr<int64_t>();
  return {first, first + ids.numel()};
}

using Ids = std::vector<int64_t>;

} // namespace

TEST_CASE("of equal scores the lower expert, and of equal groups the lower, is first") {
  const std::vector<float> equal(20, 0.5f);
  for (const bool is_softmax : {true, false}) {
    CHECK(
        ids_of(equal, {.experts_per_row = 4, .is_softmax = is_softmax}) ==
        Ids{0, 1, 2, 3});
    CHECK(
        ids_of(
            equal,
            {.experts_per_row = 6,
             .is_softmax = is_softmax,
             .num_groups = 5,
             .kept_groups = 2}) == Ids{0, 1, 2, 3, 4, 5});
  }
  // Experts of other groups count as 0, and so do these of the best group.
  const at::Tensor bias = at::tensor({0.0f, 0.0f, 0.0f, 0.0f, 1.0f, -0.5f});
  CHECK(
      ids_of(
          {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f},
          {.experts_per_row = 3,
           .is_softmax = false,
           .num_groups = 3,
           .kept_groups = 1,
           .has_soft_groups = true},
          bias) == Ids{4, 0, 1});
}

TEST_CASE("experts without a number come last, ids stay in range and apart") {
  const RouteOptions sigmoid{.experts_per_row = 3, .is_softmax = false};
  CHECK(ids_of({kNan, 0.0f, kNan, 2.0f}, sigmoid) == Ids{3, 1, 0});
  CHECK(ids_of({kNan, kNan, kNan, kNan}, sigmoid) == Ids{0, 1, 2});
  CHECK(ids_of({0.0f, kNan, 1.0f, 2.0f}, {.experts_per_row = 2}) == Ids{0, 1});
  // A bias of minus infinity switches an expert off.
  const at::Tensor off = at::tensor({-kInfinity, 0.0f, 0.0f, 0.0f});
  CHECK(ids_of({9.0f, 1.0f, 3.0f, 2.0f}, sigmoid, off) == Ids{2, 3, 1});
  // Two of infinite sums of opposite signs in one group.
  const at::Tensor odd = at::tensor({kInfinity, -kInfinity, 0.0f, 0.0f});
  const RouteOptions groups{
      .experts_per_row = 2, .is_softmax = false, .num_groups = 2, .kept_groups = 1};
  CHECK(ids_of({0.0f, 0.0f, 0.0f, 1.0f}, groups, odd) == Ids{3, 2});
}

TEST_CASE("scores that are all 0 give weights that are 0 and not NaN") {
  const at::Tensor logits = at::full({1, 4}, -200.0f);
  const ExpertRoutes routes = route_experts(
      logits, std::nullopt,
      {.experts_per_row = 2, .is_softmax = false, .has_normalized_weights = true});
  CHECK(at::allclose(routes.weights, at::zeros({1, 2}), 0.0, 1e-15));
}

TEST_CASE("route_experts names what does not fit") {
  const at::Tensor logits = at::zeros({2, 6});
  const auto route = [&](const RouteOptions& options) {
    return route_experts(logits, std::nullopt, options);
  };
  CHECK_THROWS_WITH(
      route({.num_groups = 4}),
      Contains("[route_experts] expected groups that divide 6 experts, got 4."));
  CHECK_THROWS_WITH(
      route({.num_groups = 2, .kept_groups = 3}),
      Contains("expected to keep 1 to 2 groups, got 3."));
  CHECK_THROWS_WITH(
      route({.experts_per_row = 4, .num_groups = 2}),
      Contains("expected 1 to 3 experts a row, got 4."));
  CHECK_THROWS_AS(route({.experts_per_row = 0}), c10::ValueError);
  CHECK_THROWS_WITH(
      route_experts(logits, at::zeros({5}), {}),
      Contains("expected bias [6], got [5]."));
  CHECK_THROWS_AS(route_experts(logits[0], std::nullopt, {}), c10::ValueError);
  CHECK_THROWS_AS(
      route_experts(logits.to(at::kLong), std::nullopt, {}), c10::TypeError);
}

} // namespace omni::kernels
