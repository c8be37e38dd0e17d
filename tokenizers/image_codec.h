// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Pictures to a grid of codes and back: a convolutional autoencoder with finite scalar
// quantisation (FSQ, Mentzer et al. 2023, arXiv 2309.15505). Codes are numbers in
// [0, num_codes()), row-major.
//
// A code depends on its own square of pixels and on nothing around it; only the decoder
// looks at neighbours. Even ground is then the same code everywhere, and what a decoder
// language model has to predict follows from what is drawn. With an encoder that looks
// around, the ground beside a shape takes other codes for every shape: as sharp a
// picture, but codes that no small model can predict.
#pragma once

#include <torch/nn.h>

#include <vector>

#include "tokenizers/codec_losses.h"

namespace omni {

struct ImageCodecOptions {
  int64_t image_size = 64; // pixels a side
  int64_t downsample = 8; // pixels a side of one code: 4 by space-to-depth, then 2
  int64_t width = 96; // channels at 1/4 resolution
  int64_t deep_width = 128; // channels at 1/8
  int64_t num_blocks = 2; // residual blocks at each resolution, each side
  std::vector<int64_t> levels = {8, 5, 5, 5}; // FSQ levels a dimension
  // Pixels amid edges (letters, outlines) weigh up to 1 + this in the losses.
  double detail_weight = 4.0;

  [[nodiscard]] int64_t grid_size() const { // codes a side
    return image_size / downsample;
  }
  [[nodiscard]] int64_t num_codes() const;
};

class ImageCodecImpl : public torch::nn::Module {
 public:
  // ValueError for levels or sizes that make no codec.
  explicit ImageCodecImpl(ImageCodecOptions options);
  // pixels float32 [B, 3, image_size, image_size] in [-1, 1] → int64 codes
  // [B, grid_size^2]. No gradient.
  at::Tensor encode(const at::Tensor& pixels);
  // codes int64 [B, grid_size^2] → pixels float32 [B, 3, image_size, image_size] in
  // [-1, 1]. No gradient. IndexError for a code outside the range.
  at::Tensor decode(const at::Tensor& codes);
  // Reconstruction through straight-through codes. Terms: "l1", "edge_l1", "mse" and
  // "latent" (keeps the latent's mean and deviation where it meets every level);
  // figures: "psnr" (dB), "codes_used" (share of all codes in the batch).
  CodecLosses losses(const at::Tensor& pixels);
  // | parameter           | initial value                                |
  // | a block's first     | normal, std sqrt(2 / fan-in), bias 0         |
  // | a block's second    | normal, std 0.3 / sqrt(fan-in), bias 0       |
  // | other convolutions  | normal, std 1 / sqrt(3 fan-in), bias 0       |
  // | norms               | 1, bias 0                                    |
  void reset_parameters();

  const ImageCodecOptions options;
  torch::nn::Sequential encoder; // pixels → latent [B, dims, grid, grid]
  torch::nn::Sequential decoder; // quantised latent → pixels
};
TORCH_MODULE(ImageCodec);

} // namespace omni
