// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/ctc.h"

#include <ATen/ATen.h>

#include <cmath>

#include "tests/encoders/filled.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using Labels = std::vector<int64_t>;
using omni::testing::filled;

namespace {

// What a sequence of row labels reads: repeats merged, blanks removed.
Labels reading(const Labels& row_labels) {
  Labels result;
  int64_t previous = 0;
  for (const int64_t label : row_labels) {
    if (label != 0 && label != previous) {
      result.push_back(label);
    }
    previous = label;
  }
  return result;
}

// -ln of the sum over every alignment that reads `target`: the definition itself.
double enumerated_loss(const at::Tensor& logits_TV, const Labels& target) {
  const at::Tensor p_TV = logits_TV.to(at::kDouble).softmax(-1);
  const int64_t num_rows = p_TV.size(0);
  const int64_t num_labels = p_TV.size(1);
  Labels alignment(static_cast<size_t>(num_rows), 0);
  double sum = 0.0;
  while (true) {
    if (reading(alignment) == target) {
      double product = 1.0;
      for (int64_t t = 0; t < num_rows; ++t) {
        product *= p_TV[t][alignment[static_cast<size_t>(t)]].item<double>();
      }
      sum += product;
    }
    size_t t = 0;
    while (t < alignment.size() && ++alignment[t] == num_labels) {
      alignment[t++] = 0;
    }
    if (t == alignment.size()) {
      return -std::log(sum);
    }
  }
}

} // namespace

TEST_CASE("ctc_loss_sum is the sum over all alignments", "[ctc]") {
  at::Tensor logits = (filled("logits", {3, 5, 3}) * 6.0).to(at::kFloat);
  logits.set_requires_grad(true);
  const at::Tensor lengths = at::tensor({5, 3, 4}, at::kLong);
  const std::vector<Labels> targets = {{1, 2}, {2, 2}, {}};
  const CtcLoss loss = ctc_loss_sum(logits, lengths, targets);
  double expected = 0.0;
  for (int64_t i = 0; i < 3; ++i) {
    expected += enumerated_loss(
        logits[i].narrow(0, 0, lengths[i].item<int64_t>()),
        targets[static_cast<size_t>(i)]);
  }
  CHECK(loss.sum.item<double>() == Approx(expected).epsilon(1e-5));
  CHECK(loss.count == 4);
  CHECK(loss.num_skipped == 0);
  loss.sum.backward();
  CHECK(logits.grad().isfinite().all().item<bool>());
  // Rows beyond a length are not learned from.
  CHECK(logits.grad()[1].narrow(0, 3, 2).abs().max().item<float>() == 0.0f);
  CHECK(logits.grad()[0].abs().min().item<float>() > 0.0f);
}

TEST_CASE("items with too few rows are left out and counted", "[ctc]") {
  at::Tensor logits = (filled("logits", {3, 4, 3}) * 6.0).to(at::kFloat);
  logits.set_requires_grad(true);
  const at::Tensor lengths = at::tensor({4, 2, 4}, at::kLong);
  // Item 1: two equal labels need three rows.
  const CtcLoss loss = ctc_loss_sum(logits, lengths, {{1, 2}, {1, 1}, {2}});
  const double expected =
      enumerated_loss(logits[0], {1, 2}) + enumerated_loss(logits[2], {2});
  CHECK(loss.sum.item<double>() == Approx(expected).epsilon(1e-5));
  CHECK(loss.count == 3);
  CHECK(loss.num_skipped == 1);

  const CtcLoss none = ctc_loss_sum(logits, lengths, {{1, 1, 1}, {1, 1}, {2, 2, 2}});
  CHECK(none.num_skipped == 3);
  CHECK(none.count == 0);
  CHECK(none.sum.item<float>() == 0.0f);
  none.sum.backward();
  CHECK(logits.grad().abs().max().item<float>() == 0.0f);
}

TEST_CASE("ctc_loss_sum of bfloat16 is computed in float32", "[ctc]") {
  const at::Tensor logits = (filled("logits", {2, 6, 9}) * 6.0).to(at::kBFloat16);
  const at::Tensor lengths = at::tensor({6, 5}, at::kLong);
  const std::vector<Labels> targets = {{1, 2, 8}, {3}};
  const CtcLoss rounded = ctc_loss_sum(logits, lengths, targets);
  const CtcLoss exact = ctc_loss_sum(logits.to(at::kFloat), lengths, targets);
  CHECK(rounded.sum.scalar_type() == at::kFloat);
  CHECK(rounded.sum.item<float>() == exact.sum.item<float>());
}

TEST_CASE("ctc_greedy merges repeats and removes blanks", "[ctc]") {
  const Labels best = {1, 1, 0, 1, 2, 2, 0, 0, 3, 3};
  at::Tensor logits = at::zeros({2, 10, 4});
  for (size_t t = 0; t < best.size(); ++t) {
    logits.select(1, static_cast<int64_t>(t)).select(1, best[t]).fill_(5.0);
  }
  const auto readings = ctc_greedy(logits, at::tensor({10, 5}, at::kLong));
  CHECK(readings == std::vector<Labels>{{1, 1, 2, 3}, {1, 1, 2}});
  CHECK(
      ctc_greedy(logits, at::tensor({0, 1}, at::kLong)) ==
      std::vector<Labels>{{}, {1}});
}

TEST_CASE("CTC says what is wrong", "[ctc]") {
  const at::Tensor logits = at::zeros({2, 4, 3});
  const at::Tensor lengths = at::tensor({4, 4}, at::kLong);
  CHECK_THROWS_WITH(
      ctc_loss_sum(logits, lengths, {{1}, {3}}),
      Contains("[ctc] expected labels in [1, 3), got 3 in item 1"));
  CHECK_THROWS_WITH(
      ctc_loss_sum(logits, lengths, {{0}, {1}}), Contains("is the blank"));
  CHECK_THROWS_WITH(
      ctc_loss_sum(logits, lengths, {{1}}), Contains("targets of 2 items, got 1"));
  CHECK_THROWS_WITH(
      ctc_greedy(logits, at::tensor({4, 5}, at::kLong)),
      Contains("expected lengths in [0, 4], got 5"));
  CHECK_THROWS_WITH(ctc_greedy(logits[0], lengths), Contains("`logits`"));
}
