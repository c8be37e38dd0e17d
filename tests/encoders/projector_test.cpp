// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/projector.h"

#include <cmath>

#include "tests/encoders/filled.h"
#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using omni::testing::filled;

namespace {

Projector filled_projector(const ProjectorOptions& options) {
  Projector projector(options);
  omni::testing::fill_parameters(*projector);
  return projector;
}

// The definition, entry by entry in double.
at::Tensor plain(Projector& projector, const at::Tensor& rows) {
  const ProjectorOptions& options = projector->options;
  const auto parameters = projector->named_parameters();
  const auto map = [&](const std::vector<double>& in, const std::string& name) {
    const at::Tensor& weight = parameters[name + ".weight"];
    const at::Tensor& bias = parameters[name + ".bias"];
    std::vector<double> out;
    for (int64_t o = 0; o < weight.size(0); ++o) {
      double sum = bias[o].item<double>();
      for (size_t i = 0; i < in.size(); ++i) {
        sum += weight[o][static_cast<int64_t>(i)].item<double>() * in[i];
      }
      out.push_back(sum);
    }
    return out;
  };
  std::vector<double> joined;
  std::vector<double> result;
  const int64_t num_groups = (rows.size(0) + options.merge - 1) / options.merge;
  for (int64_t r = 0; r < num_groups * options.merge; ++r) {
    std::vector<double> row(static_cast<size_t>(options.input_width), 0.0);
    if (r < rows.size(0)) {
      double mean = 0.0;
      double square = 0.0;
      for (size_t i = 0; i < row.size(); ++i) {
        row[i] = rows[r][static_cast<int64_t>(i)].item<double>();
        mean += row[i] / static_cast<double>(row.size());
        square += row[i] * row[i] / static_cast<double>(row.size());
      }
      for (size_t i = 0; options.has_norm && i < row.size(); ++i) {
        const auto at_i = static_cast<int64_t>(i);
        row[i] = (row[i] - mean) / std::sqrt(square - mean * mean + 1e-5) *
                parameters["norm.weight"][at_i].item<double>() +
            parameters["norm.bias"][at_i].item<double>();
      }
    }
    joined.insert(joined.end(), row.begin(), row.end());
    if ((r + 1) % options.merge == 0) {
      if (options.hidden_width > 0) {
        joined = map(joined, "hidden");
        for (double& x : joined) {
          x = x * 0.5 * (1.0 + std::erf(x / std::sqrt(2.0)));
        }
      }
      auto out = map(joined, "output");
      double square = 0.0;
      for (const double x : out) {
        square += x * x / static_cast<double>(out.size());
      }
      for (size_t i = 0; options.has_output_norm && i < out.size(); ++i) {
        out[i] *=
            parameters["output_norm.weight"][static_cast<int64_t>(i)].item<double>() /
            std::sqrt(square + 1e-6);
      }
      result.insert(result.end(), out.begin(), out.end());
      joined.clear();
    }
  }
  return at::tensor(result, at::kDouble).view({num_groups, options.output_width});
}

} // namespace

TEST_CASE("Projector equals its definition", "[projector]") {
  ProjectorOptions options;
  options.input_width = 6;
  options.output_width = 5;
  options.merge = GENERATE(1, 2, 3);
  options.hidden_width = GENERATE(0, 7);
  options.has_norm = GENERATE(true, false);
  options.has_output_norm = GENERATE(true, false);
  Projector projector = filled_projector(options);
  for (const int64_t num_rows : {1, 4, 6, 7}) {
    const at::Tensor rows = (filled("rows", {num_rows, 6}) * 4.0).to(at::kFloat);
    const at::Tensor got = projector->forward(rows);
    CAPTURE(num_rows, options.merge, options.hidden_width, options.has_norm);
    REQUIRE(
        got.sizes() ==
        at::IntArrayRef({(num_rows + options.merge - 1) / options.merge, 5}));
    CHECK(omni::testing::max_difference(got, plain(projector, rows)) < 1e-5);
  }
  CHECK(projector->forward(at::zeros({0, 6})).sizes() == at::IntArrayRef({0, 5}));
}

TEST_CASE("gradients reach every parameter of Projector", "[projector]") {
  Projector projector(ProjectorOptions{6, 5, 2, 7, true, true});
  at::Tensor rows = filled("rows", {5, 6}).to(at::kFloat).set_requires_grad(true);
  projector->forward(rows).square().sum().backward();
  CHECK(rows.grad().abs().min().item<float>() > 0.0f);
  for (const auto& parameter : projector->parameters()) {
    CHECK(parameter.grad().isfinite().all().item<bool>());
    CHECK(parameter.grad().abs().max().item<float>() > 0.0f);
  }
}

TEST_CASE("Projector says what is wrong", "[projector]") {
  CHECK_THROWS_WITH(
      Projector(ProjectorOptions{0, 5, 1, 0, true}),
      Contains("[projector] expected positive widths and merge, got input_width 0"));
  Projector projector(ProjectorOptions{6, 5, 1, 0, true});
  CHECK_THROWS_WITH(
      projector->forward(at::zeros({2, 5})),
      Contains("[projector] expected `rows` [-1, 6], got [2, 5]"));
}
