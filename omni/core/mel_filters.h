// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The triangular mel filters that every log-mel of the library is made with, whoever
// computes it: what is heard (encoders) and what is spoken (tokenizers) agree on it.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni {

struct MelFilterOptions {
  int64_t sample_rate_hz = 16000;
  int64_t fft_size = 640; // samples
  int64_t num_mels = 80;
  double min_hz = 0.0;
  double max_hz = 8000.0;
  bool is_slaney = true; // linear below 1 kHz, logarithmic above; else HTK
};

// float32 [num_mels, fft_size / 2 + 1]: triangles with equal spacing on the mel scale,
// each of area 1 over frequency in Hz (Slaney normalisation) whichever the scale.
// Equals `librosa.filters.mel` and `transformers` mel_filter_bank(norm="slaney").
// ValueError for sizes < 1 or limits outside 0 <= min_hz < max_hz <= sample_rate_hz
// / 2.
[[nodiscard]] at::Tensor mel_filter_bank(const MelFilterOptions& options);

} // namespace omni
