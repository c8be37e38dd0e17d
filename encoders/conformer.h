// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conformer over log-mel frames: a stem of two strided convolutions (4 frames become
// 1 row), then half feed-forward, attention (rotary or relative positions), depthwise
// convolution, half feed-forward. Gulati et al. 2020 (arXiv 2005.08100). A CTC side
// head predicts letters from the rows.
#pragma once

#include <torch/nn.h>

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
  double dropout = 0.0;
};

struct ConformerOutput {
  at::Tensor rows; // [B, T', E], T' = ceil(ceil(T / 2) / 2)
  at::Tensor lengths; // int64 [B], valid rows of each
};

class ConformerImpl : public torch::nn::Module {
 public:
  explicit ConformerImpl(ConformerOptions options);
  // mel float32 [B, T, num_mels]; lengths int64 [B], valid frames. What lies beyond a
  // length never changes the rows before it.
  ConformerOutput forward(const at::Tensor& mel, const at::Tensor& lengths);
  // Label logits [B, T', num_ctc_labels]. Throws ValueError without the side head.
  at::Tensor ctc_logits(const at::Tensor& rows);
  // Valid rows for a number of valid frames.
  [[nodiscard]] static int64_t num_rows(int64_t num_frames);
  void reset_parameters();

  const ConformerOptions options;
};
TORCH_MODULE(Conformer);

} // namespace omni
