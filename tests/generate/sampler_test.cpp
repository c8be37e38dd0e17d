// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/support/catch.h"

namespace omni {
namespace {

constexpr int64_t kVocab = 40;
using Probabilities = std::vector<double>; // [V]

at::Tensor make_logits() {
  torch::manual_seed(9);
  return at::randn({kVocab}) * 2.0;
}

// The distribution that an id is drawn from, straight from the definitions: penalties,
// allowed ranges, temperature, then top-k, top-p and min-p on what is left.
Probabilities plain_distribution(
    const at::Tensor& logits,
    const DrawOptions& options,
    const std::vector<IdRange>& allowed,
    const std::vector<int64_t>& previous) {
  std::vector<std::pair<double, int64_t>> scores; // largest first
  for (int64_t id = 0; id < logits.size(0); ++id) {
    double score = logits[id].item<double>();
    const auto count = std::count(previous.begin(), previous.end(), id);
    if (count > 0) {
      const double penalty = options.repetition_penalty;
      score = score > 0 ? score / penalty : score * penalty;
      score -= options.presence_penalty;
      score -= options.frequency_penalty * static_cast<double>(count);
    }
    const bool is_allowed = std::any_of(
        allowed.begin(), allowed.end(),
        [&](IdRange range) { return range.contains(id); });
    if (is_allowed) {
      scores.emplace_back(score / options.temperature, id);
    }
  }
  std::sort(scores.rbegin(), scores.rend());
  if (options.top_k > 0 && options.top_k < static_cast<int64_t>(scores.size())) {
    scores.resize(static_cast<size_t>(options.top_k));
  }
  double sum = 0.0;
  for (auto& [score, id] : scores) {
    sum += std::exp(score - scores.front().first);
  }
  Probabilities result(static_cast<size_t>(logits.size(0)), 0.0);
  double before = 0.0, kept = 0.0;
  const double largest = 1.0 / sum;
  for (const auto& [score, id] : scores) {
    const double probability = std::exp(score - scores.front().first) / sum;
    if (before < options.top_p && probability >= options.min_p * largest) {
      result[static_cast<size_t>(id)] = probability;
      kept += probability;
    }
    before += probability;
  }
  for (double& probability : result) {
    probability /= kept;
  }
  return result;
}

} // namespace

TEST_CASE("draws follow the distribution that the options define") {
  struct Case {
    const char* name;
    DrawOptions options;
    std::vector<IdRange> allowed;
    std::vector<int64_t> previous;
  };
  const std::vector<IdRange> all = {{0, kVocab}};
  const Case cases[] = {
      {"plain", {.temperature = 1.0}, all, {}},
      {"warm", {.temperature = 1.7}, all, {}},
      {"cold", {.temperature = 0.4}, all, {}},
      {"top-k", {.temperature = 1.0, .top_k = 5}, all, {}},
      {"top-p", {.temperature = 1.0, .top_p = 0.7}, all, {}},
      {"min-p", {.temperature = 1.0, .min_p = 0.1}, all, {}},
      {"penalty", {.temperature = 1.0, .repetition_penalty = 1.8}, all, {3, 3, 7, 21}},
      {"presence", {.temperature = 1.0, .presence_penalty = 1.2}, all, {3, 3, 7, 21}},
      {"frequency", {.temperature = 1.0, .frequency_penalty = 0.9}, all, {3, 3, 7, 3}},
      {"allowed", {.temperature = 1.0}, {{2, 4}, {10, 19}, {39, 40}}, {}},
      {"everything",
       {.temperature = 0.9,
        .top_k = 12,
        .top_p = 0.9,
        .min_p = 0.05,
        .repetition_penalty = 1.3,
        .presence_penalty = 0.3,
        .frequency_penalty = -0.6},
       {{0, 15}, {20, 38}},
       {1, 30, 30, 8, 1}},
  };
  const at::Tensor logits = make_logits();
  constexpr int64_t kDraws = 20'000;
  for (const Case& of : cases) {
    INFO(of.name);
    const Probabilities expected =
        plain_distribution(logits, of.options, of.allowed, of.previous);
    std::vector<int64_t> counts(kVocab, 0);
    Sampler sampler(17);
    for (int64_t i = 0; i < kDraws; ++i) {
      ++counts[static_cast<size_t>(
          sampler.draw(logits, of.options, of.allowed, of.previous))];
    }
    double chi_square = 0.0;
    int64_t freedom = -1;
    for (size_t id = 0; id < counts.size(); ++id) {
      if (expected[id] == 0.0) {
        INFO("id " << id);
        CHECK(counts[id] == 0);
        continue;
      }
      const double due = expected[id] * static_cast<double>(kDraws);
      const double off = static_cast<double>(counts[id]) - due;
      chi_square += off * off / due;
      ++freedom;
    }
    // Four deviations above the mean of the chi-square distribution; the seed is fixed,
    // so this passes always or never.
    const auto degrees = static_cast<double>(freedom);
    INFO("chi-square " << chi_square << " of " << freedom);
    CHECK(chi_square < degrees + 4.0 * std::sqrt(2.0 * degrees));
  }
}

TEST_CASE("temperature 0 takes the most likely of the allowed") {
  const at::Tensor logits = make_logits();
  Sampler sampler(0);
  CHECK(sampler.draw(logits, {}, {{0, kVocab}}) == logits.argmax().item<int64_t>());
  CHECK(
      sampler.draw(logits, {}, {{5, 9}}) ==
      5 + logits.narrow(0, 5, 4).argmax().item<int64_t>());
  // Other options do not matter then, but for the penalty.
  const DrawOptions busy{.top_k = 3, .top_p = 0.1, .min_p = 0.9};
  CHECK(sampler.draw(logits, busy, {{0, kVocab}}) == logits.argmax().item<int64_t>());
  const int64_t best = logits.argmax().item<int64_t>();
  CHECK(
      sampler.draw(logits, {.repetition_penalty = 100.0}, {{0, kVocab}}, {best}) !=
      best);
}

TEST_CASE("a seed is a row of draws, each its own number") {
  const at::Tensor logits = at::zeros({1000});
  const auto row = [&](uint64_t seed) {
    Sampler sampler(seed);
    std::vector<int64_t> ids;
    for (int i = 0; i < 50; ++i) {
      ids.push_back(sampler.draw(logits, {.temperature = 1.0}, {{0, 1000}}));
    }
    return ids;
  };
  CHECK(row(1) == row(1));
  CHECK(row(1) != row(2));
  CHECK(row(0) != row(uint64_t{1} << 63));
  // Draw number n does not depend on what was drawn before.
  Sampler sampler(1);
  (void)sampler.draw(logits, {}, {{3, 4}});
  CHECK(sampler.draw(logits, {.temperature = 1.0}, {{0, 1000}}) == row(1)[1]);
}

TEST_CASE("logits that allow nothing are refused") {
  Sampler sampler(0);
  const at::Tensor logits = make_logits();
  CHECK_THROWS(sampler.draw(logits, {}, {{kVocab, kVocab + 1}}));
  const at::Tensor broken = at::full({4}, std::nan(""));
  CHECK_THROWS_WITH(
      sampler.draw(broken, {}, {{0, 4}}), omni::testing::Contains("[sample]"));
}

} // namespace omni
