// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The vocoder on short segments of speech: half of them from the true log-mel, half
// from what the speech codec makes of it, which is what it will hear.
#include "omni/train/objectives/objectives.h"
#include "omni/train/objectives/speech_segments.h"

namespace omni {
namespace {

class VocoderObjective : public Objective {
 public:
  VocoderObjective(const TrainConfig& config, OmniModel model)
      : model_(std::move(model)), seconds_(config.options.segment_seconds) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress&,
      bool) override {
    return load_speech_segments(model_, seconds_, samples, addresses);
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& waves = dynamic_cast<const SpeechSegments&>(batch);
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
    return to_losses(model_->vocoder->losses(mel, waves.samples));
  }

  std::string needs(bool) const override {
    return "sound or speech";
  }

  bool has_needed(const Sample& sample, bool) const override {
    return has_part(sample, is_sound);
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
    const TrainConfig& config,
    OmniModel model) {
  return std::make_unique<VocoderObjective>(config, std::move(model));
}

} // namespace omni
