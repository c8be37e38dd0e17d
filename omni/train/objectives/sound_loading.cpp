// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/sound_loading.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "encoders/audio_processor.h"
#include "encoders/media/audio_io.h"
#include "omni/core/random.h"

namespace omni {
namespace {

// Uniform numbers of one use of a sample.
class Random {
 public:
  explicit Random(uint64_t seed) : seed_(seed) {}
  double uniform(double low, double high) {
    return low + (high - low) * uniform_at(seed_, n_++);
  }
  int64_t below(int64_t limit) {
    return static_cast<int64_t>(uniform(0.0, static_cast<double>(limit)));
  }

 private:
  uint64_t seed_;
  uint64_t n_ = 0;
};

// Played faster or slower (pitch moves along), by linear interpolation.
at::Tensor change_speed(const at::Tensor& samples, double factor) {
  const auto size = static_cast<int64_t>(static_cast<double>(samples.size(0)) / factor);
  return at::upsample_linear1d(
             samples.view({1, 1, -1}), {std::max<int64_t>(size, 1)}, false)
      .view({-1});
}

} // namespace

at::Tensor load_sound(const SamplePart& part, const std::string& key, int64_t rate_hz) {
  const Waveform sound = decode_audio(part.bytes, key + "/" + part.file);
  return sound.sample_rate_hz == rate_hz ? sound.samples
                                         : resample(sound, rate_hz).samples;
}

SoundSegment
cut_segment(const at::Tensor& samples, int64_t num_samples, uint64_t seed) {
  const int64_t surplus = samples.size(0) - num_samples;
  if (surplus <= 0) {
    return {at::constant_pad_nd(samples, {0, -surplus}), samples.size(0)};
  }
  return {samples.narrow(0, Random(seed).below(surplus + 1), num_samples), num_samples};
}

at::Tensor augment_sound(const at::Tensor& samples, uint64_t seed) {
  Random random(seed);
  at::Tensor sound = change_speed(samples, random.uniform(0.85, 1.15));
  sound = sound * random.uniform(0.3, 1.2);
  constexpr double kCleanShare = 0.3;
  if (random.uniform(0.0, 1.0) > kCleanShare) {
    const double decibels = random.uniform(5.0, 40.0);
    const double level = sound.norm().item<double>() /
        std::sqrt(static_cast<double>(sound.size(0))) *
        std::pow(10.0, -decibels / 20.0);
    auto generator = at::detail::createCPUGenerator(mix_seed(seed, 1));
    sound = sound + at::randn(sound.sizes(), generator) * level;
  }
  return sound;
}

at::Tensor mask_spectrum(const at::Tensor& mel, uint64_t seed) {
  Random random(mix_seed(seed, 2));
  const at::Tensor masked = mel.clone();
  const double fill = mel.mean().item<double>();
  constexpr int64_t kMaxMels = 12;
  constexpr int64_t kMaxFrames = 20;
  for (int i = 0; i < 2; ++i) {
    const int64_t mels = random.below(kMaxMels + 1);
    masked.narrow(1, random.below(mel.size(1) - mels + 1), mels).fill_(fill);
    const int64_t frames = std::min(random.below(kMaxFrames + 1), mel.size(0) / 10);
    masked.narrow(0, random.below(mel.size(0) - frames + 1), frames).fill_(fill);
  }
  return masked;
}

} // namespace omni
