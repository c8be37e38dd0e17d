// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The speech codec on segments of every speech and sound file.
#include "omni/train/objectives/objectives.h"
#include "omni/train/objectives/sound_loading.h"

namespace omni {
namespace {

struct MelBatch : Batch {
  at::Tensor mel; // float32 [B, T, M]
  at::Tensor lengths; // int64 [B], valid frames
};

class SpeechCodecObjective : public Objective {
 public:
  SpeechCodecObjective(const TrainConfig& config, OmniModel model)
      : model_(std::move(model)), seconds_(config.options.segment_seconds) {
    TORCH_CHECK_VALUE(
        model_->config.vocoder,
        "[train] expected a `vocoder` in the model's configuration: it says which "
        "log-mel the speech codec reads.");
  }

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress&,
      bool) override {
    const VocoderOptions& options = *model_->config.vocoder;
    const auto num_samples = static_cast<int64_t>(
        seconds_ * static_cast<double>(options.sample_rate_hz));
    auto batch = std::make_unique<MelBatch>();
    std::vector<at::Tensor> mels;
    std::vector<int64_t> lengths;
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto parts = parts_of(samples[i], {PartKind::Speech, PartKind::Audio});
      const SamplePart& part = *parts[addresses[i].seed % parts.size()];
      const SoundSegment segment = cut_segment(
          load_sound(part, samples[i].key, options.sample_rate_hz),
          num_samples,
          addresses[i].seed);
      mels.push_back(model_->processor.codec_mel(
          {segment.samples, options.sample_rate_hz, samples[i].key}));
      lengths.push_back(std::max<int64_t>(2, segment.valid / options.hop));
    }
    batch->mel = at::stack(mels);
    batch->lengths = at::tensor(lengths);
    batch->num_tokens = batch->mel.size(0) * batch->mel.size(1);
    return batch;
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& mels = dynamic_cast<const MelBatch&>(batch);
    const CodecLosses made = model_->speech_codec->losses(mels.mel, mels.lengths);
    Losses losses;
    for (const auto& [name, term] : made.terms) {
      losses.terms.push_back({name, term});
    }
    losses.figures.insert(made.figures.begin(), made.figures.end());
    return losses;
  }

  std::vector<std::string> trained_parts() const override {
    return {"speech_codec"};
  }

 private:
  OmniModel model_;
  double seconds_;
};

} // namespace

std::unique_ptr<Objective> make_speech_codec_objective(
    const TrainConfig& config, OmniModel model) {
  return std::make_unique<SpeechCodecObjective>(config, std::move(model));
}

} // namespace omni
