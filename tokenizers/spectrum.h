// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Short-time Fourier transforms of speech being made: frame t is centred at sample
// t * hop and windowed by a periodic Hann window of fft_size samples; what lies outside
// the signal is silence. All float32; differentiable; stateless and thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace omni {

struct StftOptions {
  int64_t fft_size = 640; // samples, even
  int64_t hop = 160; // samples between frames; divides fft_size at least twice
};

// ValueError unless fft_size is even and a multiple of hop, at least twice it.
void check_stft_options(const StftOptions& options, std::string_view component);

// samples [B, S] → complex spectrum [B, S / hop (rounded up), fft_size / 2 + 1].
[[nodiscard]] at::Tensor stft(const at::Tensor& samples, const StftOptions& options);

// complex spectrum [B, T, fft_size / 2 + 1] → samples [B, T * hop]: overlap-add,
// divided by the windows' energy. istft(stft(x)) = x when S is a multiple of hop.
[[nodiscard]] at::Tensor istft(const at::Tensor& spectrum, const StftOptions& options);

} // namespace omni
