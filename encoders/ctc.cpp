// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/ctc.h"

#include <ATen/ATen.h>

#include "omni/core/shapes.h"

namespace omni {
namespace {

constexpr int64_t kBlank = 0;

std::vector<int64_t> checked_lengths(
    const at::Tensor& logits,
    const at::Tensor& lengths) {
  check_shape(logits, {-1, -1, -1}, "ctc", "logits");
  check_shape(lengths, {logits.size(0)}, "ctc", "lengths");
  TORCH_CHECK_TYPE(
      lengths.scalar_type() == at::kLong, "[ctc] expected lengths int64, got ",
      lengths.scalar_type(), ".");
  const at::Tensor lengths_B = lengths.cpu().contiguous();
  const auto* begin = lengths_B.const_data_ptr<int64_t>();
  std::vector<int64_t> result(begin, begin + lengths_B.numel());
  for (const int64_t length : result) {
    TORCH_CHECK_VALUE(
        length >= 0 && length <= logits.size(1), "[ctc] expected lengths in [0, ",
        logits.size(1), "], got ", length, ".");
  }
  return result;
}

// Rows that the shortest alignment of `labels` takes.
int64_t rows_needed(const std::vector<int64_t>& labels) {
  auto rows = static_cast<int64_t>(labels.size());
  for (size_t i = 1; i < labels.size(); ++i) {
    rows += labels[i] == labels[i - 1] ? 1 : 0;
  }
  return rows;
}

} // namespace

CtcLoss ctc_loss_sum(
    const at::Tensor& logits,
    const at::Tensor& lengths,
    const std::vector<std::vector<int64_t>>& targets) {
  const std::vector<int64_t> num_rows = checked_lengths(logits, lengths);
  TORCH_CHECK_VALUE(
      targets.size() == num_rows.size(), "[ctc] expected targets of ", num_rows.size(),
      " items, got ", targets.size(), ".");
  const int64_t num_labels = logits.size(2);
  CtcLoss loss;
  std::vector<int64_t> kept;
  std::vector<int64_t> kept_rows;
  std::vector<int64_t> kept_labels;
  std::vector<int64_t> labels;
  for (size_t i = 0; i < targets.size(); ++i) {
    for (const int64_t label : targets[i]) {
      TORCH_CHECK_INDEX(
          label > kBlank && label < num_labels, "[ctc] expected labels in [1, ",
          num_labels, "), got ", label, " in item ", i, ". Label 0 is the blank.");
    }
    if (num_rows[i] == 0 || rows_needed(targets[i]) > num_rows[i]) {
      ++loss.num_skipped;
      continue;
    }
    kept.push_back(static_cast<int64_t>(i));
    kept_rows.push_back(num_rows[i]);
    kept_labels.push_back(static_cast<int64_t>(targets[i].size()));
    labels.insert(labels.end(), targets[i].begin(), targets[i].end());
  }
  loss.count = static_cast<int64_t>(labels.size());
  if (kept.empty()) {
    // Still part of the graph, so that every parameter has a gradient.
    loss.sum = (logits.narrow(1, 0, 0)).to(at::kFloat).sum();
    return loss;
  }
  at::Tensor used = logits;
  if (loss.num_skipped > 0) {
    used = logits.index_select(0, at::tensor(kept).to(logits.device()));
  }
  const at::Tensor log_probabilities_TBV =
      at::log_softmax(used.to(at::kFloat).transpose(0, 1), -1);
  loss.sum = at::ctc_loss(
      log_probabilities_TBV, at::tensor(labels, at::kLong).to(logits.device()),
      kept_rows, kept_labels, kBlank, at::Reduction::Sum,
      /*zero_infinity=*/false);
  return loss;
}

std::vector<std::vector<int64_t>> ctc_greedy(
    const at::Tensor& logits,
    const at::Tensor& lengths) {
  const std::vector<int64_t> num_rows = checked_lengths(logits, lengths);
  const at::Tensor best_BT = logits.argmax(-1).cpu().contiguous();
  std::vector<std::vector<int64_t>> readings(num_rows.size());
  for (size_t i = 0; i < num_rows.size(); ++i) {
    const auto* row =
        best_BT.const_data_ptr<int64_t>() + static_cast<int64_t>(i) * best_BT.size(1);
    int64_t previous = kBlank;
    for (int64_t t = 0; t < num_rows[i]; ++t) {
      if (row[t] != kBlank && row[t] != previous) {
        readings[i].push_back(row[t]);
      }
      previous = row[t];
    }
  }
  return readings;
}

} // namespace omni
