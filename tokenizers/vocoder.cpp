// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/vocoder.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "omni/core/shapes.h"
#include "tokenizers/log_mel.h"

namespace omni {
namespace {

// Short windows see onsets, long ones harmonics.
constexpr std::array<int64_t, 4> kLossFftSizes = {256, 512, 1024, 2048};
// Magnitudes below these (a windowed whisper at -80 dB) are silence to the loss.
constexpr double kLossFloor = 5e-3;
// e^6 = 403 lies above any magnitude of a signal in [-1, 1] under a Hann window of 640.
constexpr double kMaxLogMagnitude = 6.0;

// Log-magnitude of each bin = log-mel interpolated between the bands that hold the bin;
// columns sum to 1. Bins outside every band take the nearest band.
at::Tensor interpolation_matrix(const at::Tensor& filters_MF) {
  at::Tensor weights_MF = filters_MF.clone();
  const int64_t num_mels = weights_MF.size(0);
  const int64_t num_bins = weights_MF.size(1);
  const at::Tensor peaks = filters_MF.argmax(1);
  for (int64_t bin = 0; bin < num_bins; ++bin) {
    if (weights_MF.select(1, bin).sum().item<float>() == 0.0F) {
      const int64_t nearest = (peaks - bin).abs().argmin().item<int64_t>();
      weights_MF[std::min(nearest, num_mels - 1)][bin] = 1.0;
    }
  }
  return weights_MF / weights_MF.sum(0, /*keepdim=*/true);
}

// Both [B, T', F'] >= 0.
at::Tensor spectral_loss(const at::Tensor& output, const at::Tensor& target) {
  const at::Tensor convergence = (output - target).square().sum().add(1e-8).sqrt() /
      target.square().sum().sqrt().clamp_min(1e-3);
  const at::Tensor log_l1 =
      (output.clamp_min(kLossFloor).log() - target.clamp_min(kLossFloor).log())
          .abs()
          .mean();
  return convergence + log_l1;
}

at::Tensor log_spectral_distance(const at::Tensor& output, const at::Tensor& target) {
  const double decibel = 20.0 / std::log(10.0);
  const at::Tensor difference = decibel *
      (output.clamp_min(kLossFloor).log() - target.clamp_min(kLossFloor).log());
  return difference.square().mean(-1).sqrt().mean();
}

} // namespace

VocoderImpl::VocoderImpl(VocoderOptions options_in) : options(options_in) {
  const auto& o = options;
  check_stft_options(stft_options(o), "vocoder");
  TORCH_CHECK_VALUE(
      o.width > 0 && o.inner_width > 0 && o.num_blocks >= 0 && o.floor > 0 &&
          o.mel_std > 0,
      "[vocoder] expected positive widths, floor and mel_std, got ", o.width, ", ",
      o.inner_width, ", ", o.floor, " and ", o.mel_std, ".");
  const int64_t num_bins = o.fft_size / 2 + 1;
  input = register_module("input", torch::nn::Linear(o.num_mels, o.width));
  input_norm = register_module("input_norm", channel_norm(o.width));
  blocks = register_module(
      "blocks",
      make_convnext_blocks(
          o.num_blocks,
          {.width = o.width,
           .inner_width = o.inner_width,
           .kernel_size = o.kernel_size,
           .branch_scale =
               1.0 / static_cast<double>(std::max<int64_t>(1, o.num_blocks))}));
  output_norm = register_module("output_norm", channel_norm(o.width));
  head = register_module("head", torch::nn::Linear(o.width, 2 * num_bins));
  mel_to_bins_MF_ = interpolation_matrix(mel_filters_of(o));
  reset_parameters();
}

void VocoderImpl::reset_parameters() {
  reset_linear(input);
  reset_linear(head, 0.3);
  input_norm->reset_parameters();
  output_norm->reset_parameters();
  for (const auto& block : *blocks) {
    block->as<ConvNext>()->reset_parameters();
  }
}

int64_t VocoderImpl::context_frames() const {
  // Overlap-add joins frames whose centres are less than half a window away.
  const int64_t overlap = options.fft_size / 2 / options.hop;
  return options.num_blocks * (options.kernel_size / 2) + overlap;
}

at::Tensor VocoderImpl::synthesize(const at::Tensor& mel_BTM) {
  const at::Tensor mel = mel_BTM.to(at::kFloat);
  const at::Tensor normalised = (mel - options.mel_mean) / options.mel_std;
  at::Tensor hidden = float_norm(input_norm, float_linear(input, normalised));
  hidden = float_norm(output_norm, run_blocks(blocks, hidden));
  const auto parts = float_linear(head, hidden).chunk(2, -1);

  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  // Slaney filters have unit area in Hz: a band holds magnitude * bins per Hz.
  const double bins_per_hz = static_cast<double>(options.fft_size) /
      static_cast<double>(options.sample_rate_hz);
  const at::Tensor implied_BTF =
      mel.matmul(mel_to_bins_MF_.to(mel.device())) - std::log(bins_per_hz);
  const at::Tensor magnitude_BTF =
      (parts[0] + implied_BTF).clamp_max(kMaxLogMagnitude).exp();
  return istft(at::polar(magnitude_BTF, parts[1].contiguous()), stft_options(options));
}

at::Tensor VocoderImpl::forward(const at::Tensor& mel) {
  check_shape(mel, {-1, -1, options.num_mels}, "vocoder", "mel");
  if (mel.numel() == 0) {
    return at::zeros({mel.size(0), 0}, mel.options().dtype(at::kFloat));
  }
  return synthesize(mel).clamp(-1.0, 1.0);
}

CodecLosses VocoderImpl::losses(const at::Tensor& mel, const at::Tensor& samples) {
  check_shape(mel, {-1, -1, options.num_mels}, "vocoder", "mel");
  check_shape(samples, {mel.size(0), mel.size(1) * options.hop}, "vocoder", "samples");
  TORCH_CHECK_VALUE(
      mel.numel() > 0, "[vocoder] expected at least one mel frame, got none.");
  const at::Tensor output = synthesize(mel);
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor target = samples.to(at::kFloat);
  at::Tensor stft_loss = at::zeros({}, output.options());
  for (const int64_t fft_size : kLossFftSizes) {
    const StftOptions transform = {.fft_size = fft_size, .hop = fft_size / 4};
    stft_loss = stft_loss +
        spectral_loss(stft(output, transform).abs(), stft(target, transform).abs());
  }
  const at::Tensor mel_l1 =
      at::l1_loss(log_mel_of(output, options), log_mel_of(target, options));
  const torch::NoGradGuard no_grad;
  const at::Tensor distance = log_spectral_distance(
      stft(output.detach(), stft_options(options)).abs(),
      stft(target, stft_options(options)).abs());
  return {
      .terms =
          {{"stft", stft_loss / static_cast<double>(kLossFftSizes.size())},
           {"mel_l1", mel_l1}},
      .figures = {{"mel_l1", mel_l1.detach()}, {"log_spectral_distance", distance}}};
}

} // namespace omni
