// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Sound becomes log-mel frames. With `LogScale::Whisper` equal to the Whisper
// definition of `transformers` within 1e-4. Deterministic, no weights. Thread-safe.
#pragma once

#include "omni/core/media.h"

namespace omni {

// Natural: ln(max(mel, floor)), of magnitudes (power 1) or powers (2).
// Whisper: log10 of powers, clamped to 8 below the maximum, then (x + 4) / 4.
enum class LogScale { Natural, Whisper };
enum class MelScale { Slaney, Htk };

struct AudioProcessorOptions {
  int64_t sample_rate_hz = 16000;
  int64_t fft_size = 640; // samples
  int64_t hop = 160; // samples between frames
  int64_t num_mels = 80;
  double min_hz = 0.0;
  double max_hz = 8000.0;
  MelScale mel_scale = MelScale::Slaney; // with Slaney area normalisation
  LogScale log_scale = LogScale::Natural;
  double power = 1.0; // exponent of the magnitude spectrum
  double floor = 1e-4; // smallest mel value before the logarithm
};

// Triangular filters float32 [num_mels, fft_size / 2 + 1].
[[nodiscard]] at::Tensor mel_filters(const AudioProcessorOptions& options);

class AudioProcessor {
 public:
  explicit AudioProcessor(AudioProcessorOptions options);
  // Log-mel float32 [T, M] with T = max(1, S / hop), rounded down; frames are centred,
  // reflect-padded, Hann-windowed. Resamples when the waveform has another rate.
  [[nodiscard]] at::Tensor process(const Waveform& waveform) const;
  // The same of samples float32 [B, S] already at sample_rate_hz: [B, T, M];
  // differentiable.
  [[nodiscard]] at::Tensor log_mel(const at::Tensor& samples) const;
  [[nodiscard]] const AudioProcessorOptions& options() const {
    return options_;
  }

 private:
  AudioProcessorOptions options_;
  at::Tensor filters_MF_;
  at::Tensor window_;
};

// Band-limited resampling of float32 [S], without FFmpeg (windowed sinc); the library's
// `resample` on Waveforms is swresample's when media is built.
[[nodiscard]] at::Tensor
resample_samples(const at::Tensor& samples, int64_t from_hz, int64_t to_hz);

} // namespace omni
