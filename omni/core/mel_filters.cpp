// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/mel_filters.h"

#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace omni {
namespace {

// Slaney's Auditory Toolbox: 200/3 Hz a mel up to 1 kHz, then 27 mels for a factor 6.4.
constexpr double kHzPerMel = 200.0 / 3.0;
constexpr double kBreakHz = 1000.0;
constexpr double kBreakMel = kBreakHz / kHzPerMel;
const double kLogStep = std::log(6.4) / 27.0;

double hz_to_mel(double hz, bool is_slaney) {
  if (!is_slaney) {
    return 2595.0 * std::log10(1.0 + hz / 700.0);
  }
  return hz < kBreakHz ? hz / kHzPerMel
                       : kBreakMel + std::log(hz / kBreakHz) / kLogStep;
}

double mel_to_hz(double mel, bool is_slaney) {
  if (!is_slaney) {
    return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
  }
  return mel < kBreakMel ? mel * kHzPerMel
                         : kBreakHz * std::exp(kLogStep * (mel - kBreakMel));
}

} // namespace

at::Tensor mel_filter_bank(const MelFilterOptions& options) {
  TORCH_CHECK_VALUE(
      options.sample_rate_hz > 0 && options.fft_size > 1 && options.num_mels > 0,
      "[mel_filters] expected a positive sample rate, FFT size and number of mels, "
      "got ",
      options.sample_rate_hz, " Hz, ", options.fft_size, " and ", options.num_mels,
      ".");
  const double nyquist_hz = static_cast<double>(options.sample_rate_hz) / 2.0;
  TORCH_CHECK_VALUE(
      options.min_hz >= 0.0 && options.min_hz < options.max_hz &&
          options.max_hz <= nyquist_hz,
      "[mel_filters] expected 0 <= min_hz < max_hz <= ", nyquist_hz, ", got ",
      options.min_hz, " and ", options.max_hz, ".");

  const int64_t num_bins = options.fft_size / 2 + 1;
  const double low = hz_to_mel(options.min_hz, options.is_slaney);
  const double high = hz_to_mel(options.max_hz, options.is_slaney);
  std::vector<double> corners_hz; // triangle m rises, peaks and ends at m, m + 1, m + 2
  for (int64_t i = 0; i < options.num_mels + 2; ++i) {
    const double share =
        static_cast<double>(i) / static_cast<double>(options.num_mels + 1);
    corners_hz.push_back(mel_to_hz(low + (high - low) * share, options.is_slaney));
  }

  at::Tensor filters_MF = at::zeros({options.num_mels, num_bins}, at::kFloat);
  auto filters = filters_MF.accessor<float, 2>();
  const double hz_per_bin = static_cast<double>(options.sample_rate_hz) /
      static_cast<double>(options.fft_size);
  for (int64_t m = 0; m < options.num_mels; ++m) {
    const double begin = corners_hz[m];
    const double peak = corners_hz[m + 1];
    const double end = corners_hz[m + 2];
    for (int64_t bin = 0; bin < num_bins; ++bin) {
      const double hz = static_cast<double>(bin) * hz_per_bin;
      const double height =
          std::min((hz - begin) / (peak - begin), (end - hz) / (end - peak));
      filters[m][bin] = static_cast<float>(std::max(0.0, height) * 2.0 / (end - begin));
    }
  }
  return filters_MF;
}

} // namespace omni
