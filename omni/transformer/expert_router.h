// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Chooses the experts of each row and weighs them. Scores are float32 whatever the
// model's dtype and whether autocast is on: a row near a tie must not change experts by
// rounding.
#pragma once

#include <torch/nn.h>

#include "omni/transformer/transformer_config.h"

namespace omni {

struct ExpertChoice {
  at::Tensor ids; // int64 [L, experts_per_token], best first, distinct in a row
  at::Tensor weights; // float32 [L, experts_per_token] (float64 for float64 rows)
};

class ExpertRouterImpl : public torch::nn::Module {
 public:
  // Rows are `width` = D wide.
  ExpertRouterImpl(int64_t width, const ExpertsConfig& config);
  // x [L, D]. Weights are differentiable in x and weight.
  ExpertChoice forward(const at::Tensor& x);
  // Weight normal with deviation `weight_std`, choice bias 0.
  void reset_parameters(double weight_std);

  const ExpertsConfig config;
  at::Tensor weight; // [num_experts, D]
  // [num_experts] or undefined. Without gradient: it balances the experts' loads by a
  // rule of its own (arXiv 2408.15664).
  at::Tensor choice_bias;
};
TORCH_MODULE(ExpertRouter);

} // namespace omni
