// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The mel spectrum a vocoder reads, in both directions: from samples, and back to the
// magnitudes of a spectrum as well as 80 numbers can tell. Stateless, thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include "tokenizers/spectrum.h"
#include "tokenizers/vocoder.h"

namespace omni {

[[nodiscard]] StftOptions stft_options(const VocoderOptions& options);

// Mel filters [M, F] of `options`, F = fft_size / 2 + 1.
[[nodiscard]] at::Tensor mel_filters_of(const VocoderOptions& options);

// samples float32 [B, S] → ln(max(mel of magnitudes, floor)) [B, T, M], T = S / hop
// rounded up; beyond the ends is silence. Differentiable.
[[nodiscard]] at::Tensor log_mel_of(
    const at::Tensor& samples,
    const VocoderOptions& options);

// log-mel [T, M] → magnitudes [T, F] >= 0 whose mel is nearest in the least-squares
// sense: clamped pseudo-inverse, then multiplicative updates (Lee and Seung 2001).
[[nodiscard]] at::Tensor magnitudes_from_log_mel(
    const at::Tensor& mel,
    const VocoderOptions& options);

} // namespace omni
