// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Log-mel speech to codes (one FSQ code for every `frames_per_code` mel frames: 25 a
// second at a hop of 10 ms) and back to log-mel. The receptive field of decoding is
// bounded, so that streaming decode equals whole decode exactly.
#pragma once

#include <torch/nn.h>

#include <vector>

#include "tokenizers/codec_losses.h"
#include "tokenizers/convnext.h"

namespace omni {

struct SpeechCodecOptions {
  int64_t num_mels = 80;
  int64_t frames_per_code = 4;
  int64_t width = 160;
  int64_t inner_width = 480;
  int64_t num_encoder_blocks = 3; // ConvNeXt at code rate
  int64_t num_decoder_blocks = 4; // ConvNeXt at code rate
  int64_t num_frame_blocks = 2; // ConvNeXt at frame rate, after decoding
  int64_t kernel_size = 7;
  std::vector<int64_t> levels = {8, 5, 5, 5};
  double mel_mean = -4.0; // log-mel is normalised by these before encoding
  double mel_std = 2.5;

  [[nodiscard]] int64_t num_codes() const;
  // Codes on either side that decoding of one code depends on.
  [[nodiscard]] int64_t decode_context_codes() const;
};

class SpeechCodecImpl : public torch::nn::Module {
 public:
  // ValueError for levels or sizes that make no codec.
  explicit SpeechCodecImpl(SpeechCodecOptions options);
  // log-mel float32 [B, T, M] → int64 codes [B, ceil(T / frames_per_code)]; the last
  // partial group is filled by repeating the last frame. No gradient.
  at::Tensor encode(const at::Tensor& mel);
  // codes int64 [B, Q] → log-mel float32 [B, Q * frames_per_code, M]. No gradient.
  // IndexError for a code outside [0, num_codes()).
  at::Tensor decode(const at::Tensor& codes);
  // Terms: "mel_l1" and half of "mel_delta_l1" (L1 of the step from frame to frame), in
  // natural-log units over valid frames, and "latent" (see fsq.h); figures: "mel_l1",
  // "codes_used" (share).
  // lengths int64 [B]: valid frames, in [1, T]. A padded item counts as it would alone.
  CodecLosses losses(const at::Tensor& mel, const at::Tensor& lengths);
  // | parameter                      | initial value                           |
  // | linears                        | normal, std 1 / sqrt(fan-in), bias 0    |
  // | blocks                         | as in ConvNext, branch scale 1 / blocks |
  // | norms                          | 1, bias 0                               |
  // So latents start with unit deviation and reach every level.
  void reset_parameters();

  const SpeechCodecOptions options;
  torch::nn::Linear encoder_input{nullptr}; // frames_per_code * M → width
  torch::nn::ModuleList encoder_blocks{nullptr};
  torch::nn::LayerNorm encoder_norm{nullptr};
  torch::nn::Linear to_latent{nullptr}; // width → number of levels
  torch::nn::Linear from_latent{nullptr};
  torch::nn::ModuleList decoder_blocks{nullptr};
  torch::nn::Linear to_frames{nullptr}; // width → frames_per_code * width
  torch::nn::ModuleList frame_blocks{nullptr};
  torch::nn::LayerNorm output_norm{nullptr};
  torch::nn::Linear to_mel{nullptr};

 private:
  // Masks are float32 [B, Q, 1], or absent when every code is valid.
  at::Tensor encode_latent(
      const at::Tensor& mel_BTM,
      const std::optional<at::Tensor>& mask);
  at::Tensor decode_latent(
      const at::Tensor& latent,
      const std::optional<at::Tensor>& mask);
};
TORCH_MODULE(SpeechCodec);

} // namespace omni
