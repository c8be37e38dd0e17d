// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conformer over log-mel frames: a stem of two strided convolutions (4 frames become
// 1 row), then half feed-forward, attention (rotary or relative positions), depthwise
// convolution, half feed-forward. Gulati et al. 2020 (arXiv 2005.08100). A CTC side
// head predicts letters from the rows.
#pragma once

#include <torch/nn.h>

#include <vector>

#include "encoders/encoder_parts.h"

namespace omni {

enum class ConformerPositions { Rotary, Relative };

struct ConformerOptions {
  int64_t num_mels = 80;
  int64_t width = 128; // E
  int64_t num_layers = 5;
  int64_t num_heads = 4;
  int64_t feed_forward_width = 512;
  int64_t kernel_size = 15; // rows, odd
  ConformerPositions positions = ConformerPositions::Rotary;
  int64_t num_ctc_labels = 106; // 0: no side head; label 0 is the blank
  double dropout = 0.0; // of the stem's rows and of every branch
  double mel_mean = -4.0; // frames are normalised by these first
  double mel_std = 2.5;
};

struct ConformerOutput {
  at::Tensor rows; // [B, T', E], T' = ceil(ceil(T / 2) / 2); zero beyond a length
  at::Tensor lengths; // int64 [B], valid rows of each
};

// Gated pointwise map, depthwise convolution over time, norm, pointwise map. The norm
// is of each row alone (not batch norm): rows never depend on other items or on
// padding.
class ConformerConvolutionImpl : public torch::nn::Module {
 public:
  explicit ConformerConvolutionImpl(const ConformerOptions& options);
  // x [B, L, E]; rows where row_mask (bool [B, L, 1]) is false count as zero.
  at::Tensor forward(const at::Tensor& x, const std::optional<at::Tensor>& row_mask);
  void reset_parameters(double output_std);

  LinearMap input{nullptr}; // [2 E, E]: values, then gates
  torch::nn::Conv1d depthwise{nullptr}; // [E, 1, kernel_size]
  EncoderNorm norm{nullptr};
  LinearMap output{nullptr};
};
TORCH_MODULE(ConformerConvolution);

// One block. Its parts are run by ConformerImpl, which fuses each residual sum with the
// norm that follows it.
class ConformerLayerImpl : public torch::nn::Module {
 public:
  explicit ConformerLayerImpl(const ConformerOptions& options);
  void reset_parameters();

  EncoderNorm first_norm{nullptr};
  EncoderFeedForward first_feed_forward{nullptr};
  EncoderNorm attention_norm{nullptr};
  EncoderAttention attention{nullptr};
  EncoderNorm convolution_norm{nullptr};
  ConformerConvolution convolution{nullptr};
  EncoderNorm second_norm{nullptr};
  EncoderFeedForward second_feed_forward{nullptr};
  EncoderNorm norm{nullptr};
};
TORCH_MODULE(ConformerLayer);

class ConformerImpl : public torch::nn::Module {
 public:
  explicit ConformerImpl(ConformerOptions options);
  // mel float32 [B, T, num_mels]; lengths int64 [B] in [1, T], valid frames (on the
  // CPU: checked, and no mask when nothing is padded). What lies beyond a length never
  // changes the rows before it.
  ConformerOutput forward(const at::Tensor& mel, const at::Tensor& lengths);
  // Label logits [B, T', num_ctc_labels]. Throws ValueError without the side head.
  at::Tensor ctc_logits(const at::Tensor& rows);
  // Valid rows for a number of valid frames.
  [[nodiscard]] static int64_t num_rows(int64_t num_frames);
  void reset_parameters();
  // The maps whose weights may be stored in few bits: the products of the layers.
  [[nodiscard]] std::vector<LinearMap> quantizable() const;

  const ConformerOptions options;
  torch::nn::Conv1d first_stem{nullptr}; // [2 E, num_mels, 3], stride 2
  torch::nn::Conv1d second_stem{nullptr}; // [E, 2 E, 3], stride 2
  std::vector<ConformerLayer> layers;
  LinearMap ctc_head{nullptr}; // empty without labels

 private:
  at::Tensor stem(const at::Tensor& mel, const std::optional<at::Tensor>& lengths);
  at::Tensor run_layer(
      ConformerLayer& layer,
      const at::Tensor& hidden,
      const EncoderPositions& positions,
      const std::optional<at::Tensor>& row_mask);
};
TORCH_MODULE(Conformer);

} // namespace omni
