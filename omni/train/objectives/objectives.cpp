// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/objectives.h"

#include "omni/core/errors.h"

namespace omni {
namespace {

using Maker = std::unique_ptr<Objective> (*)(const TrainConfig&, OmniModel);

constexpr std::pair<const char*, Maker> kObjectives[] = {
    {"image_codec", make_image_codec_objective},
    {"speech_codec", make_speech_codec_objective},
    {"vocoder", make_vocoder_objective},
    {"ctc", make_ctc_objective},
    {"dense", make_dense_objective},
    {"joint", make_joint_objective}};

} // namespace

OmniModel build_model(const TrainConfig& config) {
  const OmniConfig of_model = read_config(config.model);
  TORCH_CHECK_VALUE(
      !of_model.weight_format, "[train] ", config.model,
      ": expected floating weights to train, got a `weight_format`.");
  OmniModel model(
      of_model,
      config.tokenizer.empty() ? nullptr : TextTokenizer::load(config.tokenizer));
  model->set_tokenizer_path(config.tokenizer);
  for (const InitialParts& initial : config.initialize_from) {
    load_parts(model, initial.folder, initial.parts);
  }
  return model;
}

std::unique_ptr<Objective> make_objective(const TrainConfig& config, OmniModel model) {
  std::string names;
  for (const auto& [name, make] : kObjectives) {
    if (config.objective == name) {
      std::unique_ptr<Objective> objective = make(config, model);
      for (const std::string& part : objective->trained_parts()) {
        TORCH_CHECK_VALUE(
            model->named_children().contains(part), "[train] the objective ", name,
            " trains `", part, "`, which the model does not have.");
      }
      return objective;
    }
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  throw ValueError(
      "train",
      "expected `objective` among " + names + ", got \"" + config.objective + "\".");
}

Losses to_losses(const CodecLosses& made) {
  Losses losses;
  for (const auto& [name, term] : made.terms) {
    losses.terms.push_back({name, term});
  }
  losses.figures.insert(made.figures.begin(), made.figures.end());
  return losses;
}

bool is_picture(const SamplePart& part) {
  return part.kind == PartKind::Image;
}

bool is_sound(const SamplePart& part) {
  return part.kind == PartKind::Audio || part.kind == PartKind::Speech;
}

bool has_transcript(const SamplePart& part) {
  return part.kind == PartKind::Audio && !part.transcript.empty();
}

bool has_labels(const SamplePart& part) {
  return part.kind == PartKind::Image && !part.labels.empty();
}

namespace {

std::vector<const SamplePart*> parts_of(const Sample& sample, PartTest test) {
  std::vector<const SamplePart*> found;
  for (const SampleMessage& message : sample.messages) {
    for (const SamplePart& part : message.parts) {
      if (test(part)) {
        found.push_back(&part);
      }
    }
  }
  return found;
}

} // namespace

bool has_part(const Sample& sample, PartTest test) {
  return !parts_of(sample, test).empty();
}

const SamplePart& chosen_part(const Sample& sample, uint64_t seed, PartTest test) {
  const auto parts = parts_of(sample, test);
  TORCH_CHECK_VALUE(
      !parts.empty(), "[train] ", sample.key,
      ": expected media of the kind this objective trains on, "
      "found none in the sample.");
  return *parts[seed % parts.size()];
}

} // namespace omni
