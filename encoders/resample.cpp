// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "encoders/audio_processor.h"
#include "omni/core/shapes.h"

namespace omni {
namespace {

// A Kaiser window of beta 9 keeps aliases 90 dB down. With 64 zero crossings a side its
// transition is 9 % of the lower Nyquist rate wide (Kaiser's formula), so the cutoff
// lies half of that below it.
constexpr double kCrossings = 64.0;
constexpr double kBeta = 9.0;
constexpr double kCutoff = 1.0 - 0.045;
// Rates further apart than this are lying headers, not sound.
constexpr int64_t kMaxRatio = 256;
// Filters are kept for all phases when they take at most this many floats (16 MiB).
constexpr int64_t kMaxTableSize = int64_t{1} << 22;

double bessel_i0(double x) {
  double sum = 1.0;
  double term = 1.0;
  for (int k = 1; term > 1e-17 * sum; ++k) {
    term *= (x / (2.0 * k)) * (x / (2.0 * k));
    sum += term;
  }
  return sum;
}

// The windowed sinc at `crossings` zero crossings from its middle.
double windowed_sinc(double crossings) {
  const double x = std::abs(crossings);
  if (x >= kCrossings) {
    return 0.0;
  }
  const double edge = x / kCrossings;
  const double window =
      bessel_i0(kBeta * std::sqrt(1.0 - edge * edge)) / bessel_i0(kBeta);
  const double angle = std::numbers::pi * x;
  return x < 1e-12 ? 1.0 : window * std::sin(angle) / angle;
}

// The filter between two rates: output sample n lies `phase(n) / num_phases` input
// samples after input sample `base(n)`.
class Filter {
 public:
  Filter(int64_t from_hz, int64_t to_hz) {
    const int64_t divisor = std::gcd(from_hz, to_hz);
    step_ = from_hz / divisor;
    num_phases_ = to_hz / divisor;
    crossings_per_sample_ = kCutoff *
        std::min(1.0, static_cast<double>(to_hz) / static_cast<double>(from_hz));
    half_ = static_cast<int64_t>(std::ceil(kCrossings / crossings_per_sample_));
    // Eight sums are kept side by side in convolve().
    num_taps_ = (2 * half_ + 7) / 8 * 8;
    if (num_phases_ * num_taps_ <= kMaxTableSize) {
      table_.resize(static_cast<size_t>(num_phases_ * num_taps_));
      at::parallel_for(0, num_phases_, 16, [&](int64_t first, int64_t last) {
        for (int64_t phase = first; phase < last; ++phase) {
          fill(phase, table_.data() + phase * num_taps_);
        }
      });
    }
  }

  [[nodiscard]] int64_t half() const {
    return half_;
  }
  [[nodiscard]] int64_t num_taps() const {
    return num_taps_;
  }

  // Output sample n of `padded`, which begins half() - 1 samples before the input.
  float output(int64_t n, const float* padded, std::vector<float>& scratch) const {
    const int64_t base = n * step_ / num_phases_;
    const int64_t phase = n * step_ % num_phases_;
    const float* taps = table_.data() + phase * num_taps_;
    if (table_.empty()) {
      scratch.resize(static_cast<size_t>(num_taps_));
      fill(phase, scratch.data());
      taps = scratch.data();
    }
    return convolve(padded + base, taps);
  }

 private:
  // Weights of the input samples from half - 1 before the base on; they sum to one.
  void fill(int64_t phase, float* taps) const {
    const double offset = static_cast<double>(phase) / static_cast<double>(num_phases_);
    std::vector<double> weights(static_cast<size_t>(num_taps_), 0.0);
    double sum = 0.0;
    for (int64_t i = 0; i < 2 * half_; ++i) {
      const double distance = static_cast<double>(i - half_ + 1) - offset;
      weights[static_cast<size_t>(i)] = windowed_sinc(distance * crossings_per_sample_);
      sum += weights[static_cast<size_t>(i)];
    }
    for (int64_t i = 0; i < num_taps_; ++i) {
      taps[i] = static_cast<float>(weights[static_cast<size_t>(i)] / sum);
    }
  }

  float convolve(const float* samples, const float* taps) const {
    std::array<float, 8> sums{};
    for (int64_t i = 0; i < num_taps_; i += 8) {
      for (size_t lane = 0; lane < sums.size(); ++lane) {
        sums[lane] += samples[static_cast<size_t>(i) + lane] *
            taps[static_cast<size_t>(i) + lane];
      }
    }
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) +
        ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  }

  int64_t step_ = 1;
  int64_t num_phases_ = 1;
  int64_t half_ = 0;
  int64_t num_taps_ = 0;
  double crossings_per_sample_ = 1.0;
  std::vector<float> table_;
};

} // namespace

at::Tensor resample_samples(const at::Tensor& samples, int64_t from_hz, int64_t to_hz) {
  check_shape(samples, {-1}, "resample_samples", "samples");
  TORCH_CHECK_TYPE(
      samples.scalar_type() == at::kFloat,
      "[resample_samples] expected samples float32 [S], got ", samples.scalar_type(),
      ".");
  TORCH_CHECK_VALUE(
      from_hz > 0 && to_hz > 0 && from_hz / to_hz < kMaxRatio &&
          to_hz / from_hz < kMaxRatio,
      "[resample_samples] expected positive rates less than ", kMaxRatio,
      " times apart, got ", from_hz, " Hz to ", to_hz, " Hz.");
  if (from_hz == to_hz || samples.numel() == 0) {
    return samples;
  }
  const int64_t num_samples = samples.numel();
  const int64_t num_outputs = (num_samples * to_hz + from_hz - 1) / from_hz;
  const Filter filter(from_hz, to_hz);
  const at::Tensor padded = at::constant_pad_nd(
      samples.detach().cpu(),
      {filter.half() - 1, filter.num_taps() - filter.half() + 1});
  at::Tensor result = at::empty({num_outputs}, at::kFloat);
  const auto* in = padded.const_data_ptr<float>();
  auto* out = result.mutable_data_ptr<float>();
  at::parallel_for(0, num_outputs, 1024, [&](int64_t first, int64_t last) {
    std::vector<float> scratch;
    for (int64_t n = first; n < last; ++n) {
      out[n] = filter.output(n, in, scratch);
    }
  });
  return result.to(samples.device());
}

} // namespace omni
