// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/audio_processor.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "omni/core/mel_filters.h"
#include "omni/core/shapes.h"

namespace omni {
namespace {

void check_options(const AudioProcessorOptions& options) {
  TORCH_CHECK_VALUE(
      options.sample_rate_hz > 0 && options.fft_size > 1 && options.hop > 0 &&
          options.num_mels > 0,
      "[audio_processor] expected positive sizes, got sample_rate_hz ",
      options.sample_rate_hz, ", fft_size ", options.fft_size, ", hop ", options.hop,
      ", num_mels ", options.num_mels, ".");
  TORCH_CHECK_VALUE(
      options.power > 0.0 && options.floor > 0.0,
      "[audio_processor] expected positive power and floor, got ", options.power,
      " and ", options.floor, ".");
}

// `pad` mirrored samples on either side, the edge itself not repeated; mirrored again
// and again when the sound is shorter than that.
at::Tensor reflect(const at::Tensor& samples_BS, int64_t pad) {
  const int64_t num_samples = samples_BS.size(1);
  if (num_samples > pad) {
    return at::reflection_pad1d(samples_BS.unsqueeze(0), {pad, pad}).squeeze(0);
  }
  const int64_t period = std::max<int64_t>(2 * (num_samples - 1), 1);
  std::vector<int64_t> indices;
  for (int64_t i = -pad; i < num_samples + pad; ++i) {
    const int64_t phase = ((i % period) + period) % period;
    indices.push_back(std::min(phase, period - phase) % num_samples);
  }
  return samples_BS.index_select(1, at::tensor(indices).to(samples_BS.device()));
}

// |spectrum|^power of complex [..]. at::abs would take twice as long as this.
at::Tensor magnitudes(const at::Tensor& spectrum, double power) {
  const at::Tensor parts = at::view_as_real(spectrum);
  const at::Tensor real = parts.select(-1, 0);
  const at::Tensor imaginary = parts.select(-1, 1);
  at::Tensor powers = at::addcmul(real * real, imaginary, imaginary);
  if (power == 2.0) {
    return powers;
  }
  if (powers.requires_grad()) {
    // The slope of the root is infinite at silence.
    powers = powers.clamp_min(1e-20);
  }
  return power == 1.0 ? powers.sqrt() : powers.pow(power / 2.0);
}

} // namespace

at::Tensor mel_filters(const AudioProcessorOptions& options) {
  check_options(options);
  return mel_filter_bank(
      {.sample_rate_hz = options.sample_rate_hz,
       .fft_size = options.fft_size,
       .num_mels = options.num_mels,
       .min_hz = options.min_hz,
       .max_hz = options.max_hz,
       .is_slaney = options.mel_scale == MelScale::Slaney});
}

AudioProcessor::AudioProcessor(AudioProcessorOptions options)
    : options_(options),
      filters_MF_(mel_filters(options)),
      window_(at::hann_window(options.fft_size, /*periodic=*/true, at::kFloat)) {}

at::Tensor AudioProcessor::process(const Waveform& waveform) const {
  check_waveform(waveform, "audio_processor");
  const at::Tensor samples = resample_samples(
      waveform.samples, waveform.sample_rate_hz, options_.sample_rate_hz);
  return log_mel(samples.unsqueeze(0)).squeeze(0);
}

at::Tensor AudioProcessor::log_mel(const at::Tensor& samples) const {
  check_shape(samples, {-1, -1}, "audio_processor", "samples");
  TORCH_CHECK_TYPE(
      samples.scalar_type() == at::kFloat,
      "[audio_processor] expected samples float32 [B, S], got ", samples.scalar_type(),
      ".");
  TORCH_CHECK_VALUE(
      samples.numel() > 0, "[audio_processor] expected at least one sample, got ",
      samples.sizes(), ".");
  const int64_t batch = samples.size(0);
  const int64_t num_frames = std::max<int64_t>(samples.size(1) / options_.hop, 1);
  const at::Tensor filters_FM = filters_MF_.to(samples.device()).t();
  const at::Tensor window = window_.to(samples.device());
  const at::Tensor frames_BTS = reflect(samples, options_.fft_size / 2)
                                    .unfold(1, options_.fft_size, options_.hop);
  // In pieces that stay in the cache; an hour of frames would take a gigabyte.
  constexpr int64_t kFramesAtOnce = 1024;
  const int64_t step = std::max<int64_t>(kFramesAtOnce / batch, 1);
  std::vector<at::Tensor> pieces;
  for (int64_t begin = 0; begin < num_frames; begin += step) {
    const int64_t count = std::min(step, num_frames - begin);
    const at::Tensor windowed = frames_BTS.narrow(1, begin, count) * window;
    const at::Tensor spectrum_BTF =
        at::_fft_r2c(windowed, {2}, /*normalization=*/0, /*onesided=*/true);
    pieces.push_back(at::matmul(magnitudes(spectrum_BTF, options_.power), filters_FM));
  }
  const at::Tensor mel_BTM = (pieces.size() == 1 ? pieces.front() : at::cat(pieces, 1))
                                 .clamp_min(options_.floor);
  if (options_.log_scale == LogScale::Natural) {
    return mel_BTM.log();
  }
  const at::Tensor bels_BTM = mel_BTM.log10();
  const at::Tensor least_B11 = bels_BTM.amax({1, 2}, /*keepdim=*/true) - 8.0;
  return (at::maximum(bels_BTM, least_B11) + 4.0) / 4.0;
}

} // namespace omni
