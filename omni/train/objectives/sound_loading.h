// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Sound of samples for the objectives: decoded, at the model's rate, cut to segments,
// augmented. Everything random is a function of the seed given.
#pragma once

#include "omni/core/media.h"
#include "omni/train/sample.h"

namespace omni {

// The sound of a part as float32 [S] at `rate_hz`.
[[nodiscard]] at::Tensor
load_sound(const SamplePart& part, const std::string& key, int64_t rate_hz);

// `num_samples` from a place the seed chooses; a shorter sound is padded with zeros.
// `valid` is how many samples are sound.
struct SoundSegment {
  at::Tensor samples; // float32 [num_samples]
  int64_t valid = 0;
};
[[nodiscard]] SoundSegment
cut_segment(const at::Tensor& samples, int64_t num_samples, uint64_t seed);

// Speed 0.85–1.15, gain 0.3–1.2, white noise 5–40 dB below the sound (or none).
[[nodiscard]] at::Tensor augment_sound(const at::Tensor& samples, uint64_t seed);

// SpecAugment (Park et al. 2019): two bands of mels and two stretches of frames of
// log-mel [T, M] become the mean.
[[nodiscard]] at::Tensor mask_spectrum(const at::Tensor& mel, uint64_t seed);

} // namespace omni
