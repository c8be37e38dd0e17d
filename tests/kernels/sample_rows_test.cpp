// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <cmath>

#include "kernels/kernels.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;
using testing::normal;
using testing::tested_device;

// Vocabularies of several sizes, options of several kinds, two rows over one place.
std::vector<SampleRow> make_rows(double uniform) {
  return {
      {0, 40, uniform, {.temperature = 1.0}},
      {40, 1, uniform, {.temperature = 0.7}},
      {41, 500, uniform, {.temperature = 0.9, .top_k = 20, .top_p = 0.9}},
      {541, 64, uniform, {}},
      {541, 64, uniform, {.temperature = 1.5, .min_p = 0.05}},
      {605,
       300,
       uniform,
       {.temperature = 1.2,
        .repetition_penalty = 1.4,
        .previous = {3, 3, 250},
        .prompt = {8, 9, 299},
        .allowed = {{0, 100}, {240, 300}}}},
      {541,
       64,
       uniform,
       {.temperature = 1.5,
        .presence_penalty = 2.0,
        .frequency_penalty = -0.8,
        .previous = {63, 0, 0, 0, 12}}}};
}

} // namespace

TEST_CASE("several vocabularies at once give the ids of one after the other") {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const at::Tensor logits = normal({905}, dtype, seed).to(tested_device()) * 3.0;
      for (const double uniform : {0.0, 0.21, 0.5, 0.999}) {
        INFO(dtype << " seed " << seed << " uniform " << uniform);
        const std::vector<SampleRow> rows = make_rows(uniform);
        const std::vector<int64_t> ids = sample_rows(logits, rows);
        REQUIRE(ids.size() == rows.size());
        for (size_t i = 0; i < rows.size(); ++i) {
          CHECK(
              ids[i] ==
              sample(
                  logits.narrow(0, rows[i].begin, rows[i].vocab), rows[i].options,
                  uniform));
        }
      }
    }
  }
}

TEST_CASE("no rows and logits of any strides") {
  CHECK(sample_rows(at::zeros({4}, tested_device()), {}).empty());
  const at::Tensor logits =
      normal({905, 2}, at::kFloat, 1).to(tested_device()).select(1, 1);
  CHECK(
      sample_rows(logits, make_rows(0.4)) ==
      sample_rows(logits.contiguous(), make_rows(0.4)));
}

TEST_CASE("sample_rows names what does not fit") {
  const at::Tensor logits = at::zeros({10}, tested_device());
  CHECK_THROWS_WITH(
      sample_rows(logits, {{4, 7, 0.0, {}}}),
      Contains("[sample_rows] expected rows inside [0, 10), got 7 logits from 4."));
  CHECK_THROWS_AS(sample_rows(logits, {{-1, 3, 0.0, {}}}), c10::IndexError);
  CHECK_THROWS_AS(sample_rows(at::zeros({2, 5}, tested_device()), {}), c10::ValueError);
  CHECK_THROWS_WITH(
      sample_rows(logits, {{0, 3, 1.0, {}}}), Contains("uniform in [0, 1), got 1."));
  CHECK_THROWS_WITH(
      sample_rows(logits, {{0, 0, 0.0, {}}}), Contains("expected logits [V], got [0]"));
  // An id of another row's vocabulary.
  CHECK_THROWS_AS(
      sample_rows(logits, {{0, 3, 0.0, {.repetition_penalty = 2.0, .previous = {5}}}}),
      c10::IndexError);
  CHECK_THROWS_WITH(
      sample_rows(logits, {{0, 3, 0.0, {.presence_penalty = INFINITY}}}),
      Contains("expected presence_penalty in (-inf, inf), got inf."));
  CHECK_THROWS_WITH(
      sample_rows(
          at::tensor({0.0f, 1.0f, std::nanf("")}, tested_device()),
          {{0, 2, 0.0, {}}, {1, 2, 0.0, {}}}),
      Contains("[sample] expected logits without NaN"));
}

} // namespace omni::kernels
