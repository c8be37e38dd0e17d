// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A mixture of experts around its products: which experts a row goes to, the rows
// sorted by expert, and their outputs back together. Arithmetic and autocast as in
// kernels.h. Thread-safe. Errors as in kernels.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace omni::kernels {

struct RouteOptions {
  int64_t experts_per_row = 1; // k
  bool is_softmax = true; // scores; else sigmoids
  int64_t num_groups = 1; // of E / num_groups experts that lie side by side
  int64_t kept_groups = 1; // a row's experts are from the best of these
  bool has_soft_groups = false; // experts of other groups count as 0, not as -infinity
  bool has_normalized_weights = false; // weights sum to 1 before the scale
  double weight_scale = 1.0;
};

struct ExpertRoutes {
  at::Tensor ids; // int64 [L, k], best first, distinct in a row
  at::Tensor weights; // float32 [L, k] (float64 for float64 logits)
};

// scores = softmax(logits) or sigmoid(logits), logits [L, E]; the k experts of largest
// score + bias, bias [E]; weights are their scores. A group is as good as its two best
// experts together (arXiv 2412.19437). Of equals the lower expert, or group, is better;
// what is NaN is worse than anything. Weights are differentiable once in the logits.
ExpertRoutes route_experts(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options);

// The pairs (row, slot) of a choice, L k of them and row by row, sorted by expert;
// pairs of one expert keep their order.
struct SortedPairs {
  at::Tensor rows; // int64 [L k]: the row of each sorted pair
  at::Tensor places; // int64 [L k]: where each pair is among the sorted
  at::Tensor counts; // int64 [E]: pairs of each expert
};

// ids int32 or int64 [L, k] in [0, num_experts).
SortedPairs sort_pairs(const at::Tensor& ids, int64_t num_experts);

// out[i] = x[rows[i]]: x [L, D], rows int64 [n] in [0, L) -> [n, D]. Differentiable
// once in x: terms of a sum are added in the order of i, in float32.
at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& rows);

// out[row] = sum over slots of weights[row, slot] * y[places[row k + slot]], in the
// order of slots: y [L k, D], places int64 [L k], each place once, weights [L, k] ->
// [L, D] in y's dtype. Sums are float32 and rounded once. Differentiable once in y and
// weights.
at::Tensor
combine_rows(const at::Tensor& y, const at::Tensor& places, const at::Tensor& weights);

} // namespace omni::kernels
