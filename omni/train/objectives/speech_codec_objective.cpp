// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The speech codec on segments of every speech and sound file.
#include "omni/train/objectives/objectives.h"
#include "omni/train/objectives/speech_segments.h"

namespace omni {
namespace {

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
    return load_speech_segments(model_, seconds_, samples, addresses);
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& mels = dynamic_cast<const SpeechSegments&>(batch);
    return to_losses(model_->speech_codec->losses(mels.mel, mels.lengths));
  }

  std::string needs(bool) const override {
    return "sound or speech";
  }

  bool has_needed(const Sample& sample, bool) const override {
    return has_part(sample, is_sound);
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
    const TrainConfig& config,
    OmniModel model) {
  return std::make_unique<SpeechCodecObjective>(config, std::move(model));
}

} // namespace omni
