// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The image codec on every picture of every sample.
#include "encoders/media/image_io.h"
#include "omni/train/objectives/objectives.h"

namespace omni {
namespace {

struct PictureBatch : Batch {
  at::Tensor pixels; // float32 [B, 3, Y, X] in [-1, 1]
};

class ImageCodecObjective : public Objective {
 public:
  explicit ImageCodecObjective(OmniModel model) : model_(std::move(model)) {}

  std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress&,
      bool) override {
    auto batch = std::make_unique<PictureBatch>();
    std::vector<at::Tensor> pixels;
    for (size_t i = 0; i < samples.size(); ++i) {
      const SamplePart& part = chosen_part(samples[i], addresses[i].seed, is_picture);
      pixels.push_back(
          model_->processor.codec_pixels(decode_image(part.bytes, samples[i].key)));
    }
    batch->pixels = at::stack(pixels);
    batch->num_tokens = batch->pixels.size(0);
    return batch;
  }

  Losses loss(const Batch& batch, const Progress&) override {
    const auto& pictures = dynamic_cast<const PictureBatch&>(batch);
    return to_losses(model_->image_codec->losses(pictures.pixels));
  }

  std::string needs(bool) const override {
    return "a picture";
  }

  bool has_needed(const Sample& sample, bool) const override {
    return has_part(sample, is_picture);
  }

  std::vector<std::string> trained_parts() const override {
    return {"image_codec"};
  }

 private:
  OmniModel model_;
};

} // namespace

std::unique_ptr<Objective> make_image_codec_objective(
    const TrainConfig&,
    OmniModel model) {
  return std::make_unique<ImageCodecObjective>(std::move(model));
}

} // namespace omni
