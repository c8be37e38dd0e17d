// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The vocoder on short segments of speech: half of them from the true log-mel, half
// from what the speech codec makes of it, which is what it will hear.
#include "omni/train/objectives/objectives.h"
#include "omni/train/objectives/sound_loading.h"

namespace omni {
namespace {

struct WaveBatch : Batch {
  at::Tensor samples; // float32 [B, T * hop]
  at::Tensor mel; // float32 [B, T, M], of the true sound
};

class VocoderObjective : public Objective {
 public:
  VocoderObjective(const TrainConfig& config, OmniModel model)
      : model_(std::move(model)), seconds_(config.options.segment_seconds) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress&,
      bool) override {
    const VocoderOptions& options = *model_->config.vocoder;
    const auto num_samples = static_cast<int64_t>(
                                 seconds_ * static_cast<double>(options.sample_rate_hz)) /
        options.hop * options.hop;
    auto batch = std::make_unique<WaveBatch>();
    std::vector<at::Tensor> waves;
    std::vector<at::Tensor> mels;
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto parts = parts_of(samples[i], {PartKind::Speech, PartKind::Audio});
      const SamplePart& part = *parts[addresses[i].seed % parts.size()];
      const SoundSegment segment = cut_segment(
          load_sound(part, samples[i].key, options.sample_rate_hz),
          num_samples,
          addresses[i].seed);
      waves.push_back(segment.samples);
      mels.push_back(model_->processor.codec_mel(
          {segment.samples, options.sample_rate_hz, samples[i].key}));
    }
    batch->samples = at::stack(waves);
    batch->mel = at::stack(mels);
    batch->num_tokens = batch->mel.size(0) * batch->mel.size(1);
    return batch;
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& waves = dynamic_cast<const WaveBatch&>(batch);
    at::Tensor mel = waves.mel;
    if (model_->speech_codec) {
      const at::NoGradGuard guard;
      const int64_t half = mel.size(0) / 2;
      const at::Tensor heard = mel.narrow(0, 0, half);
      const at::Tensor coded =
          model_->speech_codec->decode(model_->speech_codec->encode(heard));
      mel = at::cat(
          {coded.narrow(1, 0, mel.size(1)), mel.narrow(0, half, mel.size(0) - half)});
    }
    const CodecLosses made = model_->vocoder->losses(mel, waves.samples);
    Losses losses;
    for (const auto& [name, term] : made.terms) {
      losses.terms.push_back({name, term});
    }
    losses.figures.insert(made.figures.begin(), made.figures.end());
    return losses;
  }

  std::vector<std::string> trained_parts() const override {
    return {"vocoder"};
  }

 private:
  OmniModel model_;
  double seconds_;
};

} // namespace

std::unique_ptr<Objective> make_vocoder_objective(
    const TrainConfig& config, OmniModel model) {
  return std::make_unique<VocoderObjective>(config, std::move(model));
}

} // namespace omni
