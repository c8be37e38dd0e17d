// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The index of sparse attention (arXiv 2512.02556, section 2.1): a small attention that
// scores, for each row, the rows it sees, of which the real attention then reads the
// best. Scores are float32, and no gradient goes through the choice. Of rows that score
// alike the earlier are better.
#pragma once

#include <torch/nn.h>

#include <vector>

#include "kernels/kernels.h"
#include "omni/core/linear_map.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

// What an index makes of rows; H and K are its own heads and width.
struct IndexRows {
  at::Tensor q; // [L, H, K], turned
  at::Tensor k; // [L, K], turned: what a cache keeps of a row
  at::Tensor weights; // float32 [L, H] (float64 for float64 maps)

  // Rows [begin, begin + size).
  [[nodiscard]] IndexRows narrow(int64_t begin, int64_t size) const;
};

// Queries, keys and values of the real attention.
struct AttendedRows {
  at::Tensor q; // [L, H, K]
  at::Tensor keys; // [S, H, K], S >= L: the queries' rows are the last
  at::Tensor values; // as keys
};

class SparseIndexImpl : public torch::nn::Module {
 public:
  // For rows `width` = D wide.
  SparseIndexImpl(int64_t width, const LatentConfig& latent);
  // x [L, D], q_latent [L, q_rank], the tables of the layer.
  IndexRows project(
      const at::Tensor& x,
      const at::Tensor& q_latent,
      const kernels::RotaryTables& rotary);
  // Which of S rows with `keys` [S, K] each of `rows`, the last of them, attends to:
  // bool [L, S], never a later one.
  [[nodiscard]] at::Tensor choose(const IndexRows& rows, const at::Tensor& keys) const;
  // softmax(scale q k^T) v over the rows chosen -> [L, H, K]. `rows` are those of the
  // queries, `index_keys` [S, K] the index's of all. Differentiable in q, keys, values.
  [[nodiscard]] at::Tensor attend(
      const AttendedRows& attended,
      const IndexRows& rows,
      const at::Tensor& index_keys,
      double scale) const;
  // The same within spans of S = L rows; zero for rows in no span.
  [[nodiscard]] at::Tensor attend_spans(
      const AttendedRows& attended,
      const IndexRows& rows,
      const std::vector<kernels::RowSpan>& spans,
      double scale) const;
  // Maps normal with deviation `input_std`.
  void reset_parameters(double input_std);

  const IndexConfig config;
  // None has a gradient: an index learns from a loss of its own.
  LinearMap q{nullptr}; // [H K, q_rank]
  LinearMap k{nullptr}; // [K, D]
  torch::nn::LayerNorm k_norm{nullptr};
  LinearMap head_weights{nullptr}; // [H, D]
};
TORCH_MODULE(SparseIndex);

} // namespace omni
