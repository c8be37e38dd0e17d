// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <set>

#include "kernels/reference.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;
using testing::normal;
using testing::tested_device;

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

at::Tensor logits_of(std::vector<float> values) {
  return at::tensor(values, tested_device());
}

at::Tensor log_of(std::vector<double> probabilities) {
  return at::tensor(probabilities, tested_device()).log().to(at::kFloat);
}

// The ids that uniform numbers on a fine grid reach.
std::set<int64_t> reachable(const at::Tensor& logits, const SampleOptions& options) {
  std::set<int64_t> ids;
  for (int i = 0; i < 400; ++i) {
    ids.insert(sample(logits, options, i / 400.0));
  }
  return ids;
}

} // namespace

TEST_CASE("temperature 0 takes the first of the most likely") {
  CHECK(sample(logits_of({1.0f, 3.0f, 3.0f, 2.0f}), {}) == 1);
  CHECK(sample(logits_of({5.0f}), {}) == 0);
  const SampleOptions penalised{.repetition_penalty = 2.0, .previous = {1, 1, 2}};
  CHECK(sample(logits_of({2.0f, 3.0f, 3.5f, 1.0f}), penalised) == 0);
  // A penalty moves a negative logit down as well.
  CHECK(sample(logits_of({-3.0f, -2.0f, -2.0f}), penalised) == 0);
  CHECK(
      sample(logits_of({1.0f, 9.0f, 3.0f, 2.0f}), {.allowed = {{0, 1}, {3, 4}}}) == 3);
}

TEST_CASE("presence is penalised once, frequency each time, after repetition") {
  const at::Tensor logits = logits_of({4.0f, 5.0f, -0.25f, 0.0f});
  const auto first = [&](const SampleOptions& options, float last) {
    logits[3] = last;
    return sample(logits, options);
  };
  const std::vector<int64_t> previous = {1, 0, 1, 2, 1};
  // 4 - 1.5, 5 - 1.5: the count does not matter.
  const SampleOptions presence{.presence_penalty = 1.5, .previous = previous};
  CHECK(first(presence, 3.4f) == 1);
  CHECK(first(presence, 3.6f) == 3);
  // 4 - 0.5, 5 - 3 * 0.5: equal, and the lower id is the first.
  const SampleOptions frequency{.frequency_penalty = 0.5, .previous = previous};
  CHECK(first(frequency, 3.4f) == 0);
  CHECK(first(frequency, 3.6f) == 3);
  // 4 / 2 - 0.5 - 0.25, 5 / 2 - 0.5 - 3 * 0.25: both 1.25.
  SampleOptions all{
      .repetition_penalty = 2.0,
      .presence_penalty = 0.5,
      .frequency_penalty = 0.25,
      .previous = previous};
  CHECK(first(all, 1.24f) == 0);
  CHECK(first(all, 1.26f) == 3);
  all.allowed = {{2, 4}}; // -0.25 * 2 - 0.5 - 0.25
  CHECK(first(all, -1.26f) == 2);
  CHECK(first(all, -1.24f) == 3);
  // Below 0 they favour what came before.
  CHECK(first({.frequency_penalty = -2.0, .previous = {0}}, 5.5f) == 0);
  CHECK(first({.presence_penalty = -2.0, .previous = {0}}, 6.5f) == 3);
  CHECK(first({.presence_penalty = 2.0, .frequency_penalty = 2.0}, 4.9f) == 1);
}

TEST_CASE("ids of the prompt are penalised for repetition alone") {
  const at::Tensor logits = logits_of({4.0f, 5.0f, -0.25f, 0.0f});
  const auto first = [&](const SampleOptions& options, float last) {
    logits[3] = last;
    return sample(logits, options);
  };
  // 4 / 2, 5 / 2: presence and frequency do not see them.
  SampleOptions options{
      .repetition_penalty = 2.0,
      .presence_penalty = 1.0,
      .frequency_penalty = 0.5,
      .prompt = {1, 0, 1}};
  CHECK(first(options, 2.4f) == 1);
  CHECK(first(options, 2.6f) == 3);
  options.previous = {1}; // 4 / 2, 5 / 2 - 1 - 0.5: repetition counts once
  CHECK(first(options, 1.9f) == 0);
  CHECK(first(options, 2.1f) == 3);
  options.repetition_penalty = 1.0; // 4, 5 - 1.5
  CHECK(first(options, 3.9f) == 0);
  CHECK(first(options, 4.1f) == 3);
}

TEST_CASE("ids are drawn in proportion, in id order") {
  const at::Tensor logits = log_of({0.1, 0.2, 0.4, 0.3});
  const SampleOptions options{.temperature = 1.0};
  CHECK(sample(logits, options, 0.0) == 0);
  CHECK(sample(logits, options, 0.099) == 0);
  CHECK(sample(logits, options, 0.101) == 1);
  CHECK(sample(logits, options, 0.299) == 1);
  CHECK(sample(logits, options, 0.301) == 2);
  CHECK(sample(logits, options, 0.699) == 2);
  CHECK(sample(logits, options, 0.701) == 3);
  CHECK(sample(logits, options, std::nextafter(1.0, 0.0)) == 3);
  // Temperature 0.5 squares the probabilities: 1, 4, 16, 9 thirtieths.
  const SampleOptions cold{.temperature = 0.5};
  CHECK(sample(logits, cold, 1.0 / 30 - 1e-4) == 0);
  CHECK(sample(logits, cold, 1.0 / 30 + 1e-4) == 1);
  CHECK(sample(logits, cold, 21.0 / 30 - 1e-4) == 2);
  CHECK(sample(logits, cold, 21.0 / 30 + 1e-4) == 3);
}

TEST_CASE("top-k, top-p and min-p keep what they say") {
  const at::Tensor logits = log_of({0.05, 0.4, 0.1, 0.3, 0.15});
  using Ids = std::set<int64_t>;
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 2}) == Ids{1, 3});
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 1}) == Ids{1});
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 99}) == Ids{0, 1, 2, 3, 4});
  CHECK(reachable(logits, {.temperature = 1.0, .top_p = 0.69}) == Ids{1, 3});
  CHECK(reachable(logits, {.temperature = 1.0, .top_p = 0.71}) == Ids{1, 3, 4});
  CHECK(reachable(logits, {.temperature = 1.0, .top_p = 1e-6}) == Ids{1});
  CHECK(reachable(logits, {.temperature = 1.0, .min_p = 0.3}) == Ids{1, 3, 4});
  // Top-p counts the mass that top-k left: 0.4 / 0.7 < 0.6.
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 2, .top_p = 0.6}) == Ids{1, 3});
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 2, .top_p = 0.57}) == Ids{1});
  // Temperature comes before min-p: (0.1 / 0.4)^2 < 0.07 but 0.1 / 0.4 > 0.07.
  CHECK(reachable(logits, {.temperature = 0.5, .min_p = 0.07}) == Ids{1, 3, 4});
  CHECK(
      reachable(logits, {.temperature = 1.0, .allowed = {{0, 1}, {2, 4}}}) ==
      Ids{0, 2, 3});
}

TEST_CASE("equal logits: top-k keeps all that equal the k-th, top-p the first ids") {
  const at::Tensor logits = at::zeros({6}, tested_device());
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 2}).size() == 6);
  CHECK(
      reachable(logits, {.temperature = 1.0, .top_p = 0.4}) ==
      std::set<int64_t>{0, 1, 2});
}

TEST_CASE("sampling agrees with the sorted reference") {
  const std::vector<SampleOptions> options = {
      {.temperature = 0.0},
      {.temperature = 1.0},
      {.temperature = 0.7, .top_k = 40},
      {.temperature = 1.3, .top_p = 0.9},
      {.temperature = 2.0, .top_p = 0.999},
      {.temperature = 1.0, .min_p = 0.05},
      {.temperature = 0.9, .top_k = 50, .top_p = 0.8, .min_p = 0.02},
      {.temperature = 1.1,
       .top_k = 30,
       .top_p = 0.95,
       .repetition_penalty = 1.3,
       .previous = {0, 5, 5, 17, 200, 999},
       .allowed = {{0, 300}, {250, 400}, {900, 1000}}},
      {.temperature = 1.0,
       .repetition_penalty = 1.6,
       .presence_penalty = 0.8,
       .previous = {4, 999, 4, 77},
       .prompt = {4, 500, 500, 0, 501, 502, 503}},
      {.temperature = 1.0,
       .top_p = 0.9,
       .presence_penalty = 1.5,
       .previous = {4, 999, 4, 4, 60}},
      {.temperature = 0.8,
       .repetition_penalty = 1.1,
       .presence_penalty = -0.4,
       .frequency_penalty = 0.7,
       .previous = {999, 8, 8, 8, 31, 31, 500},
       .allowed = {{0, 300}, {250, 400}, {900, 1000}}},
      {.frequency_penalty = 1.7, .previous = {1, 2, 2, 3, 3, 3}},
      {.temperature = 1.0, .top_p = 0.5, .allowed = {{7, 8}}}};
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (size_t i = 0; i < options.size(); ++i) {
      for (uint64_t seed = 0; seed < 12; ++seed) {
        const at::Tensor logits = normal({1000}, dtype, seed).to(tested_device()) * 3.0;
        for (const double uniform : {0.0, 0.013, 0.37, 0.5, 0.81, 0.9993}) {
          INFO(dtype << " options " << i << " seed " << seed << " uniform " << uniform);
          CHECK(
              sample(logits, options[i], uniform) ==
              reference::sample(logits, options[i], uniform).item<int64_t>());
        }
      }
    }
  }
}

TEST_CASE("logits of minus infinity are never drawn") {
  at::Tensor logits = at::full({50}, kMinusInfinity, tested_device());
  logits[13] = -1e30f;
  CHECK(reachable(logits, {.temperature = 1.0}) == std::set<int64_t>{13});
  CHECK(reachable(logits, {.temperature = 1.0, .top_p = 0.9}) == std::set<int64_t>{13});
  CHECK(reachable(logits, {.temperature = 1.0, .top_k = 5}) == std::set<int64_t>{13});
  CHECK(sample(logits, {}) == 13);
}

TEST_CASE("any strides and other dtypes are fine") {
  const at::Tensor logits =
      normal({40, 3}, at::kFloat, 3).to(tested_device()).select(1, 1);
  const SampleOptions options{.temperature = 1.0, .top_k = 7};
  CHECK(sample(logits, options, 0.4) == sample(logits.contiguous(), options, 0.4));
  CHECK(sample(logits.to(at::kDouble), options, 0.4) == sample(logits, options, 0.4));
}

TEST_CASE("sample names options out of range and logits without a choice") {
  const at::Tensor logits = at::zeros({4}, tested_device());
  CHECK_THROWS_WITH(
      sample(logits, {.top_p = 0.0}),
      Contains("[sample] expected top_p in (0, 1], got 0."));
  CHECK_THROWS_WITH(
      sample(logits, {.temperature = -1.0}), Contains("temperature in [0, inf)"));
  CHECK_THROWS_WITH(sample(logits, {.min_p = 1.0}), Contains("min_p in [0, 1)"));
  CHECK_THROWS_WITH(
      sample(logits, {.presence_penalty = std::nan("")}),
      Contains("[sample] expected presence_penalty in (-inf, inf), got nan."));
  CHECK_THROWS_WITH(
      sample(logits, {.frequency_penalty = -INFINITY}),
      Contains("[sample] expected frequency_penalty in (-inf, inf), got -inf."));
  CHECK_THROWS_WITH(sample(logits, {}, 1.0), Contains("uniform in [0, 1), got 1."));
  CHECK_THROWS_AS(sample(logits, {.top_k = -1}), c10::ValueError);
  CHECK_THROWS_AS(sample(logits, {.temperature = std::nan("")}), c10::ValueError);
  CHECK_THROWS_WITH(
      sample(logits, {.allowed = {{2, 5}}}),
      Contains("expected allowed ranges inside [0, 4), got [2, 5)."));
  CHECK_THROWS_AS(
      sample(logits, {.repetition_penalty = 2.0, .previous = {4}}), c10::IndexError);
  CHECK_THROWS_WITH(
      sample(logits, {.repetition_penalty = 2.0, .prompt = {-1}}),
      Contains("[sample] expected prompt ids in [0, 4), got -1."));
  CHECK_THROWS_AS(sample(at::zeros({2, 2}, tested_device()), {}), c10::ValueError);
  const std::string nothing =
      "[sample] expected at least one allowed id with a finite logit";
  for (const double temperature : {0.0, 1.0}) {
    CHECK_THROWS_WITH(
        sample(logits, {.temperature = temperature, .allowed = {{1, 1}}}),
        Contains(nothing));
    CHECK_THROWS_WITH(
        sample(
            at::full({4}, kMinusInfinity, tested_device()),
            {.temperature = temperature}),
        Contains(nothing));
    CHECK_THROWS_WITH(
        sample(logits_of({0.0f, std::nanf("")}), {.temperature = temperature}),
        Contains("[sample] expected logits without NaN"));
  }
}

} // namespace omni::kernels
