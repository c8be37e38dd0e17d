// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One layer: attention and feed-forward, each added to the residual stream with norms
// before, after, or both. A sub-layer's output is not added at once but handed on, so
// that the sum and the norm that follows it are one op.
#pragma once

#include <torch/nn.h>

#include <memory>

#include "omni/transformer/attention.h"
#include "omni/transformer/feed_forward.h"
#include "omni/transformer/rms_norm.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

// Rows [L, D]: sum + residual_multiplier * branch. The branch may be undefined.
struct ResidualStream {
  at::Tensor sum;
  at::Tensor branch; // the last sub-layer's output, not yet added
};

class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const TransformerConfig& config, int64_t layer);
  ResidualStream forward(const ResidualStream& stream, const AttentionRows& rows);
  void reset_parameters(double input_std, double output_std);

  const NormPlacement placement;
  const double residual_multiplier;
  RmsNorm attention_norm{nullptr}; // all but post; perhaps gated
  std::shared_ptr<AttentionImpl> attention;
  RmsNorm attention_post_norm{nullptr}; // post, sandwich
  RmsNorm feed_forward_norm{nullptr}; // all but post; perhaps gated
  std::shared_ptr<FeedForwardImpl> feed_forward;
  RmsNorm feed_forward_post_norm{nullptr}; // all but pre
};
TORCH_MODULE(Block);

// The norm of the whole stream, and the stream with its branch added.
[[nodiscard]] kernels::AddRmsNorm
add_norm(const ResidualStream& stream, RmsNorm& norm, double residual_multiplier);

} // namespace omni
