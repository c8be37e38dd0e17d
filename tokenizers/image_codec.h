// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Pictures to a grid of codes and back: a convolutional autoencoder with finite scalar
// quantisation (FSQ, Mentzer et al. 2023, arXiv 2309.15505). Codes are numbers in
// [0, num_codes()), row-major.
#pragma once

#include <torch/nn.h>

#include <vector>

namespace omni {

struct ImageCodecOptions {
  int64_t image_size = 64; // pixels a side
  int64_t downsample = 8; // pixels a side of one code: 4 by space-to-depth, then 2
  int64_t width = 96; // channels at 1/4 resolution
  int64_t deep_width = 128; // channels at 1/8
  int64_t num_blocks = 2; // residual blocks at each resolution, each side
  std::vector<int64_t> levels = {8, 5, 5, 5}; // FSQ levels a dimension

  [[nodiscard]] int64_t grid_size() const { // codes a side
    return image_size / downsample;
  }
  [[nodiscard]] int64_t num_codes() const;
};

// What a training step of a codec needs: named loss terms to be added up, each a
// scalar float32 already averaged, and plain figures to log.
struct CodecLosses {
  std::vector<std::pair<std::string, at::Tensor>> terms;
  std::vector<std::pair<std::string, at::Tensor>> figures; // detached scalars
};

class ImageCodecImpl : public torch::nn::Module {
 public:
  explicit ImageCodecImpl(ImageCodecOptions options);
  // pixels float32 [B, 3, image_size, image_size] in [-1, 1] → int64 codes
  // [B, grid_size^2]. No gradient.
  at::Tensor encode(const at::Tensor& pixels);
  // codes int64 [B, grid_size^2] → pixels float32 in [-1, 1]. IndexError for a code
  // outside the range.
  at::Tensor decode(const at::Tensor& codes);
  // Reconstruction through straight-through codes, and its losses: L1, edge L1, MSE;
  // figures: PSNR (dB), share of codes used in the batch.
  CodecLosses losses(const at::Tensor& pixels);
  void reset_parameters();

  const ImageCodecOptions options;
};
TORCH_MODULE(ImageCodec);

} // namespace omni
