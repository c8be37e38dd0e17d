// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Log-mel to samples: a neural vocoder that predicts the spectrum and inverts it
// (Vocos, Siuzdak 2023, arXiv 2306.00814), Griffin–Lim where there are no weights, and
// `SpeechStream`, which turns codes into sound chunk by chunk with a result equal to
// decoding them all at once.
#pragma once

#include <torch/nn.h>

#include "tokenizers/speech_codec.h"

namespace omni {

struct VocoderOptions {
  int64_t sample_rate_hz = 16000;
  int64_t fft_size = 640;
  int64_t hop = 160;
  int64_t num_mels = 80;
  double min_hz = 0.0;
  double max_hz = 8000.0;
  double floor = 1e-4; // of the log-mel it reads (natural log of magnitudes)
  int64_t width = 160;
  int64_t inner_width = 480;
  int64_t num_blocks = 6;
  int64_t kernel_size = 7;
};

class VocoderImpl : public torch::nn::Module {
 public:
  explicit VocoderImpl(VocoderOptions options);
  // log-mel float32 [B, T, M] → samples float32 [B, T * hop].
  at::Tensor forward(const at::Tensor& mel);
  // Multi-resolution STFT and mel losses against samples [B, S], from mel [B, T, M]
  // with S = T * hop.
  CodecLosses losses(const at::Tensor& mel, const at::Tensor& samples);
  // Mel frames on either side that one frame's samples depend on.
  [[nodiscard]] int64_t context_frames() const;
  void reset_parameters();

  const VocoderOptions options;
};
TORCH_MODULE(Vocoder);

// Griffin–Lim with momentum (Perraudin et al. 2013), after a non-negative inversion of
// the mel filters. mel float32 [T, M] → samples float32 [T * hop]. Deterministic.
[[nodiscard]] at::Tensor griffin_lim(
    const at::Tensor& mel,
    const VocoderOptions& options,
    int64_t num_iterations = 32);

class SpeechStream {
 public:
  // `vocoder` may be empty: Griffin–Lim then, and everything comes with finish().
  SpeechStream(SpeechCodec codec, Vocoder vocoder, VocoderOptions options);
  // Adds codes (int64), returns samples float32 [S'] that are final by now, maybe none.
  [[nodiscard]] at::Tensor push(const std::vector<int64_t>& codes);
  // The rest. All pieces joined equal decoding every code at once.
  [[nodiscard]] at::Tensor finish();

 private:
  SpeechCodec codec_;
  Vocoder vocoder_;
  VocoderOptions options_;
  std::vector<int64_t> codes_;
  int64_t num_samples_given_ = 0;
};

} // namespace omni
