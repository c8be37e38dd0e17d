// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a run depends on besides its configuration: the model's description, the
// tokenizer, the training data, the weights that are not trained, and what computes. A
// checkpoint keeps them, as digests or in words, so that a run is not resumed on
// others.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "omni/model/omni_model.h"
#include "omni/train/checkpoint.h"
#include "omni/train/dataset.h"
#include "omni/train/train_config.h"

namespace omni {

// Digests by what a person calls the thing. Data sets by their samples, see
// Dataset::digest(); weights by part, without those of `trained`.
[[nodiscard]] std::map<std::string, std::string> digest_inputs(
    const TrainConfig& config,
    const OmniModelImpl& model,
    const std::vector<Dataset>& datasets,
    const NamedTensors& trained);

// On what the last bits of a step depend: `num_threads` in effect, the version of
// `torch` and the `cpu_capability`, the instructions for which ATen picks its code.
[[nodiscard]] std::map<std::string, std::string> run_environment();

// Of the samples that are evaluated, see Dataset::digest(); empty without any.
[[nodiscard]] std::string digest_evaluated(
    const TrainConfig& config,
    const std::vector<Dataset>& datasets);

// Whether the best loss of `saved` is of what is evaluated now, whose digest that is.
// Of a checkpoint of before, its configuration tells.
[[nodiscard]] bool evaluates_the_same(
    const Checkpoint& saved,
    const TrainConfig& config,
    const std::string& evaluated);

// Throws ValueError naming what changed since `saved` was written, and what to do: the
// configuration, an input or the environment. `now` has the inputs and the environment
// of this run. What a checkpoint of before does not say is not compared.
void check_same_run(
    const std::filesystem::path& checkpoint,
    const Checkpoint& saved,
    const TrainConfig& config,
    const CheckpointState& now);

} // namespace omni
