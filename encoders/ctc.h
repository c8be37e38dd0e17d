// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Connectionist temporal classification over conformer rows (Graves et al. 2006): the
// loss of a transcript, and the greedy reading. Label 0 is the blank. Stateless.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace omni {

// A loss not yet divided, so that batches can be normalised together.
struct CtcLoss {
  at::Tensor sum; // float32 [], negative log-likelihood in nats; gradients flow
  int64_t count = 0; // target labels of the items that the sum holds
  int64_t num_skipped = 0; // items with too few rows for their labels, left out
};

// logits [B, T', V]; lengths int64 [B] on the CPU, valid rows of each; targets: labels
// in [1, V) of each item. Computed in float32. An item needs a row for each label and
// one more between equal neighbours; one that has fewer is left out and counted.
[[nodiscard]] CtcLoss ctc_loss_sum(
    const at::Tensor& logits,
    const at::Tensor& lengths,
    const std::vector<std::vector<int64_t>>& targets);

// The likeliest label of each valid row, repeats merged, blanks removed.
[[nodiscard]] std::vector<std::vector<int64_t>> ctc_greedy(
    const at::Tensor& logits,
    const at::Tensor& lengths);

} // namespace omni
