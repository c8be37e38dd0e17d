// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/speech_segments.h"

#include <algorithm>

#include "omni/train/objectives/objectives.h"
#include "omni/train/objectives/sound_loading.h"

namespace omni {

std::unique_ptr<SpeechSegments> load_speech_segments(
    const OmniModel& model,
    double seconds,
    const std::vector<Sample>& samples,
    const std::vector<SampleAddress>& addresses) {
  const VocoderOptions& options = *model->config.vocoder;
  const auto num_samples =
      static_cast<int64_t>(seconds * static_cast<double>(options.sample_rate_hz)) /
      options.hop * options.hop;
  auto batch = std::make_unique<SpeechSegments>();
  std::vector<at::Tensor> waves;
  std::vector<at::Tensor> mels;
  std::vector<int64_t> lengths;
  for (size_t i = 0; i < samples.size(); ++i) {
    const SamplePart& part = chosen_part(samples[i], addresses[i].seed, is_sound);
    const SoundSegment segment = cut_segment(
        load_sound(part, samples[i].key, options.sample_rate_hz), num_samples,
        addresses[i].seed);
    waves.push_back(segment.samples);
    mels.push_back(model->processor.codec_mel(
        {segment.samples, options.sample_rate_hz, samples[i].key}));
    lengths.push_back(std::max<int64_t>(2, segment.valid / options.hop));
  }
  batch->samples = at::stack(waves);
  batch->mel = at::stack(mels);
  batch->lengths = at::tensor(lengths);
  batch->num_tokens = batch->mel.size(0) * batch->mel.size(1);
  return batch;
}

} // namespace omni
