// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A vision transformer over patch rows of pictures of any grid: linear patch embedding,
// a learnt table of places, pre-norm blocks with two-dimensional rotary positions, then
// groups of merge x merge neighbouring patches concatenated into one row. Dosovitskiy
// et al. 2020 (arXiv 2010.11929); rotary as in Qwen2-VL (arXiv 2409.12191,
// section 2.1). Rotary positions are relative: only the table tells an even ground
// where it lies.
#pragma once

#include <torch/nn.h>

#include <vector>

#include "encoders/encoder_parts.h"
#include "encoders/image_processor.h"

namespace omni {

struct VitOptions {
  int64_t patch_size = 8; // pixels a side
  int64_t width = 160; // E
  int64_t num_layers = 4;
  int64_t num_heads = 5; // width / num_heads is even and divisible by 4
  int64_t feed_forward_width = 640;
  int64_t merge = 2; // patches a side of one output row
  double rotary_theta = 100.0;
  // Side S of the learnt table of places, stretched to each grid; 0: no table.
  int64_t position_grid = 0;
  double norm_eps = 1e-6;

  [[nodiscard]] int64_t output_width() const {
    return width * merge * merge;
  }
};

// One pre-norm block. Its parts are run by VitImpl, which fuses each residual sum with
// the norm that follows it.
class VitLayerImpl : public torch::nn::Module {
 public:
  explicit VitLayerImpl(const VitOptions& options);

  EncoderNorm attention_norm{nullptr};
  EncoderAttention attention{nullptr};
  EncoderNorm feed_forward_norm{nullptr};
  EncoderFeedForward feed_forward{nullptr};
};
TORCH_MODULE(VitLayer);

class VitImpl : public torch::nn::Module {
 public:
  explicit VitImpl(VitOptions options);
  // patches float32 [P, patch_size^2 * 3] of all pictures one after another, their
  // grids in order. Returns rows [R, output_width()], R = P / merge^2, in row-major
  // order of each merged grid. Throws ValueError when P and the grids disagree or a
  // grid is no multiple of merge. Frames of a grid do not see each other. Pictures of
  // one size are one batch; which others are in the call never changes a row.
  at::Tensor forward(const at::Tensor& patches, const std::vector<PatchGrid>& grids);
  void reset_parameters();
  // The maps whose weights may be stored in few bits: the products of the layers.
  [[nodiscard]] std::vector<LinearMap> quantizable() const;

  const VitOptions options;
  LinearMap patch_embed{nullptr};
  at::Tensor position_embed; // [S, S, E], undefined without a table
  std::vector<VitLayer> layers;
  EncoderNorm norm{nullptr};

 private:
  // Patches [I, P, patch_size^2 * 3] of pictures of one grid: [I, R, output_width()].
  at::Tensor encode_equal(const at::Tensor& patches, int64_t rows, int64_t columns);
  // The table stretched to a grid, in model order: [P, E].
  [[nodiscard]] at::Tensor places(int64_t rows, int64_t columns) const;
};
TORCH_MODULE(Vit);

} // namespace omni
