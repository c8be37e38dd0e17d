// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/log_mel.h"

#include <torch/torch.h>

#include "omni/core/mel_filters.h"
#include "omni/core/shapes.h"

namespace omni {
namespace {

// After these the mel of the result is within 1 % of the one asked for; more changes
// little.
constexpr int kNumUpdates = 24;
constexpr double kTiny = 1e-10;

} // namespace

StftOptions stft_options(const VocoderOptions& options) {
  return {.fft_size = options.fft_size, .hop = options.hop};
}

at::Tensor mel_filters_of(const VocoderOptions& options) {
  return mel_filter_bank(
      {.sample_rate_hz = options.sample_rate_hz,
       .fft_size = options.fft_size,
       .num_mels = options.num_mels,
       .min_hz = options.min_hz,
       .max_hz = options.max_hz,
       .is_slaney = true});
}

at::Tensor log_mel_of(const at::Tensor& samples, const VocoderOptions& options) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor magnitudes_BTF = stft(samples, stft_options(options)).abs();
  const at::Tensor filters_MF = mel_filters_of(options).to(samples.device());
  return magnitudes_BTF.matmul(filters_MF.t()).clamp_min(options.floor).log();
}

at::Tensor magnitudes_from_log_mel(
    const at::Tensor& mel,
    const VocoderOptions& options) {
  check_shape(mel, {-1, options.num_mels}, "mel_inversion", "mel");
  const at::Tensor filters_MF = mel_filters_of(options).to(mel.device(), at::kDouble);
  const at::Tensor wanted_TM = mel.to(at::kDouble).exp();
  at::Tensor magnitudes_TF =
      wanted_TM.matmul(at::linalg_pinv(filters_MF).t()).clamp_min(kTiny);
  const at::Tensor numerator_TF = wanted_TM.matmul(filters_MF);
  for (int i = 0; i < kNumUpdates; ++i) {
    const at::Tensor denominator_TF =
        magnitudes_TF.matmul(filters_MF.t()).matmul(filters_MF);
    magnitudes_TF = magnitudes_TF * numerator_TF / denominator_TF.clamp_min(kTiny);
  }
  return magnitudes_TF.to(at::kFloat);
}

} // namespace omni
