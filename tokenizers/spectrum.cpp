// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/spectrum.h"

#include <torch/torch.h>

#include "omni/core/shapes.h"

namespace omni {
namespace {

at::Tensor hann_window(const StftOptions& options, const at::Tensor& like) {
  return at::hann_window(options.fft_size, like.options().dtype(at::kFloat));
}

// frames [B, T, fft_size] at `hop` apart, added up: [B, (T - 1) * hop + fft_size]. Each
// frame is cut into pieces of one hop, and piece i of all frames is shifted by i.
at::Tensor overlap_add(const at::Tensor& frames, const StftOptions& options) {
  const int64_t num_pieces = options.fft_size / options.hop;
  const int64_t num_frames = frames.size(1);
  const at::Tensor pieces =
      frames.reshape({frames.size(0), num_frames, num_pieces, options.hop});
  at::Tensor sum;
  for (int64_t i = 0; i < num_pieces; ++i) {
    const at::Tensor shifted =
        at::constant_pad_nd(pieces.select(2, i), {0, 0, i, num_pieces - 1 - i});
    sum = sum.defined() ? sum + shifted : shifted;
  }
  return sum.flatten(1);
}

} // namespace

void check_stft_options(const StftOptions& options, std::string_view component) {
  TORCH_CHECK_VALUE(
      options.hop > 0 && options.fft_size % 2 == 0 &&
          options.fft_size % options.hop == 0 && options.fft_size >= 2 * options.hop,
      "[", component,
      "] expected an even fft_size that is a multiple of hop and at least "
      "twice it, got fft_size ",
      options.fft_size, " and hop ", options.hop, ".");
}

at::Tensor stft(const at::Tensor& samples, const StftOptions& options) {
  check_stft_options(options, "stft");
  check_shape(samples, {-1, -1}, "stft", "samples");
  const int64_t num_samples = samples.size(1);
  const int64_t num_frames = (num_samples + options.hop - 1) / options.hop;
  const int64_t num_pieces = options.fft_size / options.hop;
  const int64_t half = options.fft_size / 2;
  const int64_t padded_size = (num_frames + num_pieces - 1) * options.hop;
  const at::Tensor hops =
      at::constant_pad_nd(samples, {half, padded_size - half - num_samples})
          .reshape({samples.size(0), -1, options.hop});
  // Joined slices instead of unfold(): their gradient is a few additions.
  std::vector<at::Tensor> pieces;
  for (int64_t i = 0; i < num_pieces; ++i) {
    pieces.push_back(hops.narrow(1, i, num_frames));
  }
  return at::fft_rfft(at::cat(pieces, 2) * hann_window(options, samples));
}

at::Tensor istft(const at::Tensor& spectrum, const StftOptions& options) {
  check_stft_options(options, "istft");
  check_shape(spectrum, {-1, -1, options.fft_size / 2 + 1}, "istft", "spectrum");
  const int64_t num_frames = spectrum.size(1);
  const int64_t num_samples = num_frames * options.hop;
  const at::Tensor window =
      hann_window(options, at::real(spectrum.detach())).to(at::kFloat);
  if (num_samples == 0) {
    return at::zeros({spectrum.size(0), 0}, window.options());
  }
  const at::Tensor frames = at::fft_irfft(spectrum, options.fft_size) * window;
  const at::Tensor energy =
      overlap_add(window.square().expand({1, num_frames, -1}), options);
  const int64_t begin = options.fft_size / 2;
  // From four hops a window, every sample kept lies in the inner half of some window,
  // where its square is >= 1/4; with two, the last ones lie near the foot of the last.
  return overlap_add(frames, options).narrow(1, begin, num_samples) /
      energy.narrow(1, begin, num_samples);
}

} // namespace omni
