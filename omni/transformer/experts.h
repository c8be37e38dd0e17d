// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The feed-forward of many small SwiGLUs, of which each row uses a few, and perhaps one
// that every row uses. Rows are sorted by expert, so that each expert works on one
// block of rows and those without any cost nothing.
#pragma once

#include <torch/nn.h>

#include <memory>
#include <vector>

#include "omni/core/linear_map.h"
#include "omni/transformer/expert_router.h"
#include "omni/transformer/feed_forward.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

// The pairs (row, slot) of a choice, L * experts_per_token of them and row by row,
// sorted by expert; pairs of one expert keep their order.
struct PairsByExpert {
  std::vector<int64_t> counts; // pairs of each expert
  at::Tensor rows; // int64, on the device of the ids: row of each sorted pair
  at::Tensor places; // int64, likewise: where each pair is among the sorted
};

// ids int64 [L, experts_per_token] in [0, num_experts). Waits for the device once.
[[nodiscard]] PairsByExpert sort_by_expert(const at::Tensor& ids, int64_t num_experts);

// The SwiGLUs themselves: D, F and the number E of them as in the config.
class RoutedExpertsImpl : public torch::nn::Module {
 public:
  RoutedExpertsImpl(int64_t width, const ExpertsConfig& config);
  // x [L, D] -> [L, D]: the weighted sum of each row's experts. Sums are float32 and
  // rounded once.
  at::Tensor forward(const at::Tensor& x, const ExpertChoice& choice);
  void reset_parameters(double input_std, double output_std);

  LinearMap gate_up{nullptr}; // [E, 2F, D]: rows of gate, then of up
  LinearMap down{nullptr}; // [E, D, F]

 private:
  int64_t num_experts_;
};
TORCH_MODULE(RoutedExperts);

class ExpertsFeedForwardImpl : public FeedForwardImpl {
 public:
  ExpertsFeedForwardImpl(int64_t width, const ExpertsConfig& config);
  at::Tensor forward(const at::Tensor& x) override;
  void reset_parameters(double input_std, double output_std) override;
  // The router chooses by small differences and stays.
  [[nodiscard]] std::vector<LinearMap> quantizable() const override;

  ExpertRouter router{nullptr};
  RoutedExperts experts{nullptr};
  std::shared_ptr<DenseFeedForwardImpl> shared; // null: none
  LinearMap shared_gate{nullptr}; // [1, D]: logit of the share of `shared`'s output
};

} // namespace omni
