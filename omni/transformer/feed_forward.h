// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The feed-forward part of a block. FeedForwardImpl is what a block knows of it; each
// kind is a subclass: the dense SwiGLU here, many of which few are used in experts.h.
#pragma once

#include <torch/nn.h>

#include <memory>
#include <vector>

#include "omni/core/linear_map.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

class FeedForwardImpl : public torch::nn::Module {
 public:
  // x [L, D] -> [L, D].
  virtual at::Tensor forward(const at::Tensor& x) = 0;
  // Input maps get deviation `input_std`, the map back to D `output_std`.
  virtual void reset_parameters(double input_std, double output_std) = 0;
  // The maps whose weights may be stored in few bits.
  [[nodiscard]] virtual std::vector<LinearMap> quantizable() const = 0;
};

struct DenseFeedForwardOptions {
  int64_t width = 0; // D
  int64_t inner_width = 0; // F
  bool has_bias = false;
};

// down(silu(gate x) * up x) (arXiv 2002.05202).
class DenseFeedForwardImpl : public FeedForwardImpl {
 public:
  explicit DenseFeedForwardImpl(const DenseFeedForwardOptions& options);
  at::Tensor forward(const at::Tensor& x) override;
  void reset_parameters(double input_std, double output_std) override;
  [[nodiscard]] std::vector<LinearMap> quantizable() const override {
    return {gate_up, down};
  }

  LinearMap gate_up{nullptr}; // rows of gate, then of up: [2F, D]
  LinearMap down{nullptr}; // [D, F]
};

// The feed-forward part that block `layer` of the config asks for.
[[nodiscard]] std::shared_ptr<FeedForwardImpl> make_feed_forward(
    const TransformerConfig& config,
    int64_t layer);

} // namespace omni
