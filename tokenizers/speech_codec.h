// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Log-mel speech to codes (one FSQ code for every `frames_per_code` mel frames: 25 a
// second at a hop of 10 ms) and back to log-mel. The receptive field of decoding is
// bounded, so that streaming decode equals whole decode exactly.
#pragma once

#include <torch/nn.h>

#include <vector>

#include "tokenizers/image_codec.h"

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
  explicit SpeechCodecImpl(SpeechCodecOptions options);
  // log-mel float32 [B, T, M] → int64 codes [B, ceil(T / frames_per_code)]; the last
  // partial group is filled by repeating the last frame. No gradient.
  at::Tensor encode(const at::Tensor& mel);
  // codes int64 [B, Q] → log-mel float32 [B, Q * frames_per_code, M].
  at::Tensor decode(const at::Tensor& codes);
  // Mel L1 and delta L1; figures: mel L1, share of codes used.
  // lengths int64 [B]: valid frames.
  CodecLosses losses(const at::Tensor& mel, const at::Tensor& lengths);
  void reset_parameters();

  const SpeechCodecOptions options;
};
TORCH_MODULE(SpeechCodec);

} // namespace omni
