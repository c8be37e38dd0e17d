// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Log-mel to samples: a neural vocoder that predicts the spectrum and inverts it
// (Vocos, Siuzdak 2023, arXiv 2306.00814), Griffin–Lim where there are no weights, and
// `SpeechStream`, which turns codes into sound chunk by chunk with a result equal to
// decoding them all at once.
#pragma once

#include <torch/nn.h>

#include "tokenizers/codec_losses.h"
#include "tokenizers/convnext.h"
#include "tokenizers/speech_codec.h"

namespace omni {

struct VocoderOptions {
  int64_t sample_rate_hz = 16000;
  int64_t fft_size = 640; // samples, even, a multiple of hop
  int64_t hop = 160;
  int64_t num_mels = 80;
  double min_hz = 0.0;
  double max_hz = 8000.0;
  double floor = 1e-4; // of the log-mel it reads (natural log of magnitudes)
  int64_t width = 160;
  int64_t inner_width = 480;
  int64_t num_blocks = 6;
  int64_t kernel_size = 7;
  double mel_mean = -4.0; // log-mel is normalised by these first
  double mel_std = 2.5;
};

class VocoderImpl : public torch::nn::Module {
 public:
  // ValueError for sizes that make no vocoder.
  explicit VocoderImpl(VocoderOptions options);
  // log-mel float32 [B, T, M] → samples float32 [B, T * hop] in [-1, 1]; frame t is
  // centred at sample t * hop.
  at::Tensor forward(const at::Tensor& mel);
  // From mel [B, T, M] against samples [B, S], S = T * hop. Terms: "stft" (spectral
  // convergence and log-magnitude L1, mean of four resolutions) and "mel_l1"; figures:
  // "mel_l1" and "log_spectral_distance" (dB).
  CodecLosses losses(const at::Tensor& mel, const at::Tensor& samples);
  // Mel frames on either side that one frame's samples depend on.
  [[nodiscard]] int64_t context_frames() const;
  // | parameter | initial value                               |
  // | input     | normal, std 1 / sqrt(fan-in), bias 0        |
  // | blocks    | as in ConvNext, branch scale 1 / num_blocks |
  // | norms     | 1, bias 0                                   |
  // | head      | normal, std 0.3 / sqrt(fan-in), bias 0      |
  // So magnitudes begin near those that the mel implies.
  void reset_parameters();

  const VocoderOptions options;
  torch::nn::Linear input{nullptr};
  torch::nn::LayerNorm input_norm{nullptr};
  torch::nn::ModuleList blocks{nullptr};
  torch::nn::LayerNorm output_norm{nullptr};
  torch::nn::Linear head{nullptr}; // width → log-magnitude and phase of every bin

 private:
  at::Tensor synthesize(const at::Tensor& mel_BTM);

  at::Tensor mel_to_bins_MF_; // log-mel to log-magnitude by interpolation, not learned
};
TORCH_MODULE(Vocoder);

// Griffin–Lim with momentum (Perraudin et al. 2013), after a non-negative inversion of
// the mel filters. mel float32 [T, M] → samples float32 [T * hop] in [-1, 1].
// Deterministic.
[[nodiscard]] at::Tensor griffin_lim(
    const at::Tensor& mel,
    const VocoderOptions& options,
    int64_t num_iterations = 32);

class SpeechStream {
 public:
  // `vocoder` may be empty: Griffin–Lim then, and everything comes with finish().
  // ValueError when the parts disagree on mels or hop.
  SpeechStream(SpeechCodec codec, Vocoder vocoder, VocoderOptions options);
  // Adds codes (int64), returns samples float32 [S'] that are final by now, maybe none.
  // IndexError for a code outside the range; the stream is then as before the call.
  [[nodiscard]] at::Tensor push(const std::vector<int64_t>& codes);
  // The rest. All pieces joined equal decoding every code at once. The stream is empty
  // afterwards and may be used again.
  [[nodiscard]] at::Tensor finish();

 private:
  at::Tensor take_final(bool is_last);

  SpeechCodec codec_;
  Vocoder vocoder_;
  VocoderOptions options_;
  std::vector<int64_t> codes_;
  int64_t num_samples_given_ = 0;
};

} // namespace omni
