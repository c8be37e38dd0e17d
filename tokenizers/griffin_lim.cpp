// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <torch/torch.h>

#include "omni/core/shapes.h"
#include "tokenizers/log_mel.h"
#include "tokenizers/vocoder.h"

namespace omni {
namespace {

// Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", 2013: just under 1
// converges fastest.
constexpr double kMomentum = 0.99;
constexpr uint64_t kPhaseSeed = 0; // a start of its own, so that results repeat

at::Tensor random_phases(at::IntArrayRef sizes) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(kPhaseSeed);
  const at::Tensor turns = at::rand(sizes, generator, at::TensorOptions(at::kFloat));
  return at::polar(at::ones_like(turns), turns * (2.0 * M_PI));
}

} // namespace

at::Tensor griffin_lim(
    const at::Tensor& mel,
    const VocoderOptions& options,
    int64_t num_iterations) {
  check_shape(mel, {-1, options.num_mels}, "griffin_lim", "mel");
  TORCH_CHECK_VALUE(
      num_iterations >= 0, "[griffin_lim] expected num_iterations >= 0, got ",
      num_iterations, ".");
  const torch::NoGradGuard no_grad;
  const StftOptions transform = stft_options(options);
  check_stft_options(transform, "griffin_lim");
  if (mel.size(0) == 0) {
    return at::zeros({0}, mel.options().dtype(at::kFloat));
  }
  const at::Tensor magnitudes =
      magnitudes_from_log_mel(mel.cpu(), options).unsqueeze(0);
  at::Tensor phases = random_phases(magnitudes.sizes());
  at::Tensor previous = at::zeros_like(phases);
  for (int64_t i = 0; i < num_iterations; ++i) {
    const at::Tensor rebuilt = stft(istft(magnitudes * phases, transform), transform);
    const at::Tensor ahead = rebuilt - previous * (kMomentum / (1.0 + kMomentum));
    phases = ahead / ahead.abs().clamp_min(1e-12);
    previous = rebuilt;
  }
  return istft(magnitudes * phases, transform)
      .squeeze(0)
      .clamp(-1.0, 1.0)
      .to(mel.device());
}

} // namespace omni
