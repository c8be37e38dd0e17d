// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// ConvNeXt in time (Liu et al. 2022, arXiv 2201.03545; in Vocos, arXiv 2306.00814):
// a depthwise convolution, then a two-layer network at every frame, added to the input.
// Rows are channels-last so that all but 1 % of the work is matrix products.
#pragma once

#include <torch/nn.h>

#include <optional>

namespace omni {

// A depthwise convolution with its parameters: weight [kernel_size, channels], bias.
class DepthwiseConv1dImpl : public torch::nn::Module {
 public:
  DepthwiseConv1dImpl(int64_t channels, int64_t kernel_size);
  // x [B, T, C] → float32 [B, T, C].
  at::Tensor forward(const at::Tensor& x);

  at::Tensor weight;
  at::Tensor bias;
};
TORCH_MODULE(DepthwiseConv1d);

// Of every frame over its channels.
[[nodiscard]] torch::nn::LayerNorm channel_norm(int64_t width);

struct ConvNextOptions {
  int64_t width = 160;
  int64_t inner_width = 480;
  int64_t kernel_size = 7; // odd
  double branch_scale = 0.25; // initial weight of the branch beside the input
};

class ConvNextImpl : public torch::nn::Module {
 public:
  explicit ConvNextImpl(ConvNextOptions options);
  // hidden [B, T, C] → float32 [B, T, C].
  at::Tensor forward(const at::Tensor& hidden);
  // Frames on either side that one frame depends on.
  [[nodiscard]] int64_t context_frames() const;
  // | parameter        | initial value                                            |
  // | depthwise.weight | normal, std 0.5 / sqrt(kernel_size), + 0.5 at the centre |
  // | norm             | 1, bias 0                                                |
  // | expand, project  | normal, std 1 / sqrt(fan-in), bias 0                     |
  // | scale            | branch_scale                                             |
  void reset_parameters();

  const ConvNextOptions options;
  DepthwiseConv1d depthwise{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear expand{nullptr};
  torch::nn::Linear project{nullptr};
  at::Tensor scale; // [C]
};
TORCH_MODULE(ConvNext);

// Blocks one after another. mask float32 [B, T, 1]: frames that are 0 there enter every
// block as zeros, as the frames beyond an end do; absent: all are valid.
[[nodiscard]] at::Tensor run_blocks(
    torch::nn::ModuleList& blocks,
    at::Tensor hidden,
    const std::optional<at::Tensor>& mask = std::nullopt);

// `num_blocks` ConvNext blocks.
[[nodiscard]] torch::nn::ModuleList make_convnext_blocks(
    int64_t num_blocks,
    const ConvNextOptions& options);

// normal(0, gain / sqrt(fan-in)) weight and zero bias.
void reset_linear(torch::nn::Linear& linear, double gain = 1.0);

// The two layers in float32 whatever the dtype of their parameters, as a speech head
// demands; autocast still makes the product of the first bfloat16 where it is on.
[[nodiscard]] at::Tensor float_linear(torch::nn::Linear& linear, const at::Tensor& x);
[[nodiscard]] at::Tensor float_norm(torch::nn::LayerNorm& norm, const at::Tensor& x);

} // namespace omni
