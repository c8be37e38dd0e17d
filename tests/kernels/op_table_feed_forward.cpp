// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>

#include "kernels/reference.h"
#include "tests/kernels/op_table.h"

namespace omni::kernels::testing {
namespace {

OpCase gated_unit_case(
    std::string variant,
    Gate gate,
    const std::function<at::Tensor(const at::Tensor&)>& merged,
    int64_t width) {
  return {
      .op = gate == Gate::Silu ? "swiglu" : "geglu",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {normal({rows, 2 * width}, dtype, 1) * 4.0};
      },
      .fused = [=](const Tensors& in) -> Tensors { return {merged(in[0])}; },
      .reference = [=](const Tensors& in) -> Tensors {
        const auto halves = in[0].chunk(2, -1);
        return {reference::gated_unit(gate, halves[0], halves[1])};
      },
      .num_differentiable = 1};
}

OpCase gated_unit_pair_case(
    std::string variant,
    Gate gate,
    const std::function<at::Tensor(const at::Tensor&, const at::Tensor&)>& pair,
    int64_t width) {
  return {
      .op = gate == Gate::Silu ? "swiglu" : "geglu",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {normal({rows, width}, dtype, 1) * 4.0, normal({rows, width}, dtype, 2)};
      },
      .fused = [=](const Tensors& in) -> Tensors { return {pair(in[0], in[1])}; },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::gated_unit(gate, in[0], in[1])};
      },
      .num_differentiable = 2};
}

std::vector<OpCase> gated_unit_cases() {
  using Tensor = at::Tensor;
  return {
      gated_unit_case(
          "merged", Gate::Silu, [](const Tensor& x) { return swiglu(x); }, 35),
      gated_unit_case(
          "merged, exact", Gate::Gelu, [](const Tensor& x) { return geglu(x); }, 35),
      gated_unit_case(
          "merged, tanh", Gate::GeluTanh,
          [](const Tensor& x) { return geglu(x, Gelu::Tanh); }, 35),
      gated_unit_pair_case(
          "pair", Gate::Silu,
          [](const Tensor& gate, const Tensor& up) { return swiglu(gate, up); }, 32),
      gated_unit_pair_case(
          "pair, exact", Gate::Gelu,
          [](const Tensor& gate, const Tensor& up) { return geglu(gate, up); }, 32),
      gated_unit_pair_case(
          "pair, tanh", Gate::GeluTanh,
          [](const Tensor& gate, const Tensor& up) {
            return geglu(gate, up, Gelu::Tanh);
          },
          32)};
}

// `counts_of` shares the rows out among `num_blocks` matrices.
OpCase grouped_linear_case(
    std::string variant,
    int64_t num_blocks,
    std::function<std::vector<int64_t>(int64_t rows)> counts_of) {
  return {
      .op = "grouped_linear",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {
            normal({rows, 24}, dtype, 1), normal({num_blocks, 19, 24}, dtype, 2) * 0.3};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {grouped_linear(in[0], in[1], counts_of(in[0].size(0)))};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::grouped_linear(in[0], in[1], counts_of(in[0].size(0)))};
      },
      .num_differentiable = 2,
      .float32_tolerance = 5e-6,
      .float32_gradient_tolerance = 1e-5};
}

OpCase route_experts_case(std::string variant, RouteOptions options, bool has_bias) {
  constexpr int64_t kExperts = 12;
  const auto bias = [=](const Tensors& in) {
    return has_bias ? std::optional<at::Tensor>(in[1]) : std::nullopt;
  };
  return {
      .op = "route_experts",
      .variant = std::move(variant),
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {normal({rows, kExperts}, dtype, 1), normal({kExperts}, dtype, 2) * 0.2};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        const ExpertRoutes routes = route_experts(in[0], bias(in), options);
        return {routes.weights, routes.ids};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        const ExpertRoutes routes = reference::route_experts(in[0], bias(in), options);
        return {routes.weights, routes.ids};
      },
      .num_differentiable = 1};
}

OpCase sort_pairs_case() {
  const auto as_tensors = [](const SortedPairs& sorted) -> Tensors {
    return {sorted.rows, sorted.places, sorted.counts};
  };
  return {
      .op = "sort_pairs",
      .variant = "3 a row",
      .inputs = [](int64_t rows, at::ScalarType) -> Tensors {
        return {(at::arange(0, 3 * rows, at::kLong) * 37).remainder(7).view({rows, 3})};
      },
      .fused = [=](const Tensors& in) { return as_tensors(sort_pairs(in[0], 9)); },
      .reference =
          [=](const Tensors& in) {
            return as_tensors(reference::sort_pairs(in[0], 9));
          },
      .float32_tolerance = 0.0};
}

OpCase gather_rows_case() {
  return {
      .op = "gather_rows",
      .variant = "some twice, some never",
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        const at::Tensor indices = (at::arange(0, 2 * rows, at::kLong) * 2)
                                       .remainder(std::max<int64_t>(rows, 1));
        return {normal({rows, 19}, dtype, 1), indices};
      },
      .fused = [](const Tensors& in) -> Tensors { return {gather_rows(in[0], in[1])}; },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::gather_rows(in[0], in[1])};
      },
      .num_differentiable = 1,
      .float32_tolerance = 0.0,
      .bfloat16_tolerance = 0.0};
}

OpCase combine_rows_case() {
  constexpr int64_t kPerRow = 3;
  return {
      .op = "combine_rows",
      .variant = "3 a row",
      .inputs = [](int64_t rows, at::ScalarType dtype) -> Tensors {
        const int64_t pairs = kPerRow * rows;
        return {
            normal({pairs, 21}, dtype, 1), normal({rows, kPerRow}, at::kFloat, 2),
            normal({pairs}, at::kFloat, 3).argsort()};
      },
      .fused = [](const Tensors& in) -> Tensors {
        return {combine_rows(in[0], in[2], in[1])};
      },
      .reference = [](const Tensors& in) -> Tensors {
        return {reference::combine_rows(in[0], in[2], in[1])};
      },
      .num_differentiable = 2};
}

} // namespace

std::vector<OpCase> feed_forward_cases() {
  std::vector<OpCase> cases = gated_unit_cases();
  const std::vector<OpCase> others = {
      grouped_linear_case(
          "gaps", 5,
          [](int64_t rows) -> std::vector<int64_t> {
            return {0, rows / 3, 0, rows - rows / 3 - rows / 4, rows / 4};
          }),
      grouped_linear_case(
          "one has all", 2,
          [](int64_t rows) -> std::vector<int64_t> {
            return {rows, 0};
          }),
      route_experts_case("softmax", {.experts_per_row = 3}, false),
      route_experts_case(
          "softmax, normalised, scaled, bias",
          {.experts_per_row = 4, .has_normalized_weights = true, .weight_scale = 2.5},
          true),
      route_experts_case(
          "sigmoid, groups",
          {.experts_per_row = 3,
           .is_softmax = false,
           .num_groups = 4,
           .kept_groups = 2,
           .has_normalized_weights = true},
          true),
      route_experts_case(
          "sigmoid, soft groups",
          {.experts_per_row = 5,
           .is_softmax = false,
           .num_groups = 6,
           .kept_groups = 1,
           .has_soft_groups = true},
          true),
      route_experts_case(
          "groups of one", {.experts_per_row = 2, .num_groups = 12, .kept_groups = 3},
          false),
      sort_pairs_case(),
      gather_rows_case(),
      combine_rows_case()};
  cases.insert(cases.end(), others.begin(), others.end());
  return cases;
}

} // namespace omni::kernels::testing
