// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The objectives by name. Adding one is a file, a declaration and a row in the list.
#pragma once

#include <memory>

#include "omni/train/objective.h"
#include "omni/train/train_config.h"

namespace omni {

// The model of a configuration, with the parts that initialize_from names.
[[nodiscard]] OmniModel build_model(const TrainConfig& config);
// ValueError listing the names when `config.objective` is none of them, or naming the
// part that the model lacks.
[[nodiscard]] std::unique_ptr<Objective> make_objective(
    const TrainConfig& config,
    OmniModel model);

[[nodiscard]] std::unique_ptr<Objective> make_image_codec_objective(
    const TrainConfig& config,
    OmniModel model);
[[nodiscard]] std::unique_ptr<Objective> make_speech_codec_objective(
    const TrainConfig& config,
    OmniModel model);
[[nodiscard]] std::unique_ptr<Objective> make_vocoder_objective(
    const TrainConfig& config,
    OmniModel model);
[[nodiscard]] std::unique_ptr<Objective> make_ctc_objective(
    const TrainConfig& config,
    OmniModel model);
[[nodiscard]] std::unique_ptr<Objective> make_dense_objective(
    const TrainConfig& config,
    OmniModel model);
[[nodiscard]] std::unique_ptr<Objective> make_joint_objective(
    const TrainConfig& config,
    OmniModel model);

// A codec's losses as an objective's.
[[nodiscard]] Losses to_losses(const CodecLosses& losses);

// Which parts of a sample an objective trains on.
using PartTest = bool (*)(const SamplePart&);
[[nodiscard]] bool is_picture(const SamplePart& part);
[[nodiscard]] bool is_sound(const SamplePart& part); // heard or spoken
[[nodiscard]] bool has_transcript(const SamplePart& part);
[[nodiscard]] bool has_labels(const SamplePart& part);

[[nodiscard]] bool has_part(const Sample& sample, PartTest test);
// One of those parts, which the seed chooses. ValueError naming the sample when it has
// none.
[[nodiscard]] const SamplePart&
chosen_part(const Sample& sample, uint64_t seed, PartTest test);

} // namespace omni
