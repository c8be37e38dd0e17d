// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include <numeric>

#include "kernels/cuda/router.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_rows, num_experts, experts_per_row;
  int num_groups = 1, kept_groups = 1;
  bool has_softmax = true, has_bias = false;
  bool has_soft_groups = false, has_normalized_weights = false;
  float weight_scale = 1.0f;
};

const Case kCases[] = {
    {1, 1, 1},
    {5, 8, 2, 1, 1, true, false, false, true},
    {3, 37, 6, 1, 1, false, true, false, true, 2.5f},
    {9, 64, 8, 8, 3, false, true, false, true, 2.5f},
    {4, 64, 8, 8, 4, true, false, true},
    {2, 6, 2, 6, 3, false, false, false, false},
    {0, 16, 2},
    {6, 256, 8, 8, 4, false, true, false, true, 1.5f}};

// The `count` first places by descending value, of equals the lower.
std::vector<int> best(const std::vector<double>& values, int count) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
  order.resize(count);
  return order;
}

struct Routed {
  std::vector<int64_t> ids;
  std::vector<double> weights;
};

Routed twin(const Case& c, const float* logits, const std::vector<float>& bias) {
  std::vector<double> scores;
  double total = 0.0;
  for (int e = 0; e < c.num_experts; ++e) {
    scores.push_back(
        c.has_softmax ? std::exp(double{logits[e]})
                      : 1.0 / (1.0 + std::exp(-double{logits[e]})));
    total += scores.back();
  }
  std::vector<double> choice;
  for (int e = 0; e < c.num_experts; ++e) {
    scores[e] /= c.has_softmax ? total : 1.0;
    choice.push_back(scores[e] + (c.has_bias ? bias[e] : 0.0));
  }
  if (c.num_groups > 1) {
    const int size = c.num_experts / c.num_groups;
    std::vector<double> groups;
    for (int g = 0; g < c.num_groups; ++g) {
      const std::vector<double> members(
          choice.begin() + g * size, choice.begin() + (g + 1) * size);
      groups.push_back(0.0);
      for (const int place : best(members, std::min(2, size))) {
        groups.back() += members[place];
      }
    }
    const std::vector<int> kept = best(groups, c.kept_groups);
    for (int e = 0; e < c.num_experts; ++e) {
      if (std::find(kept.begin(), kept.end(), e / size) == kept.end()) {
        choice[e] = c.has_soft_groups ? 0.0 : -INFINITY;
      }
    }
  }
  Routed routed;
  double sum = 0.0;
  for (const int e : best(choice, c.experts_per_row)) {
    routed.ids.push_back(e);
    routed.weights.push_back(scores[e]);
    sum += scores[e];
  }
  for (double& weight : routed.weights) {
    weight *= c.weight_scale / (c.has_normalized_weights ? sum + 1e-20 : 1.0);
  }
  return routed;
}

auto route(
    const Case& c,
    const std::vector<float>& logits,
    const std::vector<float>& bias) {
  return in_every_order([&](ThreadOrder order) {
    Buffer<float> in(logits), bias_in(bias), weights(c.num_rows * c.experts_per_row);
    Buffer<int64_t> ids(c.num_rows * c.experts_per_row);
    Router args;
    args.logits = in.data();
    args.bias = c.has_bias ? bias_in.data() : nullptr;
    args.ids = ids.data();
    args.weights = weights.data();
    args.num_rows = c.num_rows;
    args.num_experts = c.num_experts;
    args.experts_per_row = c.experts_per_row;
    args.num_groups = c.num_groups;
    args.kept_groups = c.kept_groups;
    args.has_soft_groups = c.has_soft_groups;
    args.has_normalized_weights = c.has_normalized_weights;
    args.weight_scale = c.weight_scale;
    run_kernel(router_launch(args), order, [&] {
      c.has_softmax ? router_kernel<true>(args) : router_kernel<false>(args);
    });
    return std::tuple(ids.values(), weights.values());
  });
}

TEST_CASE("CUDA rows choose and weigh their experts by every rule") {
  for (const Case& c : kCases) {
    CAPTURE(c.num_rows, c.num_experts, c.experts_per_row, c.num_groups);
    const auto logits = random_values<float>(c.num_rows * c.num_experts, 1, 2.0f);
    const auto bias = random_values<float>(c.num_experts, 2, 0.3f);
    const auto [ids, weights] = route(c, logits, bias);
    Routed expected;
    for (int row = 0; row < c.num_rows; ++row) {
      const Routed one = twin(c, logits.data() + row * c.num_experts, bias);
      expected.ids.insert(expected.ids.end(), one.ids.begin(), one.ids.end());
      expected.weights.insert(
          expected.weights.end(), one.weights.begin(), one.weights.end());
    }
    CHECK(ids == expected.ids);
    CHECK(distance(weights, expected.weights) < 1e-5);
  }
}

TEST_CASE("Of equal experts CUDA chooses the lower, and all-zero scores stay finite") {
  Case c{1, 40, 3, 1, 1, false, false, false, true};
  const auto [ids, weights] = route(c, std::vector<float>(40, -200.0f), {});
  CHECK(ids == std::vector<int64_t>{0, 1, 2});
  CHECK(weights == std::vector<float>(3, 0.0f));
}

TEST_CASE("NaN is the worst of experts to CUDA, and none is chosen twice") {
  Case c{1, 8, 3};
  CHECK(
      std::get<0>(route(c, std::vector<float>(8, NAN), {})) ==
      std::vector<int64_t>{0, 1, 2});
  Case sigmoids{1, 4, 4, 1, 1, false, false, false, false};
  CHECK(
      std::get<0>(route(sigmoids, {0.5f, NAN, 2.0f, NAN}, {})) ==
      std::vector<int64_t>{2, 0, 1, 3});
  Case groups{1, 4, 2, 2, 1, false, true};
  CHECK(
      std::get<0>(
          route(groups, {0.0f, 0.0f, 0.0f, 1.0f}, {INFINITY, -INFINITY, 0.0f, 0.0f})) ==
      std::vector<int64_t>{3, 2});
}

} // namespace
} // namespace omni::testing
