// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a run depends on besides its configuration: the model's description, the
// tokenizer, the training data and the weights that are not trained. A checkpoint keeps
// their digests, so that a run is not resumed on others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "omni/model/omni_model.h"
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

// The names whose digest changed, came or went, as one phrase; empty: none. Nothing is
// known of a checkpoint without digests.
[[nodiscard]] std::string changed_inputs(
    const std::map<std::string, std::string>& saved,
    const std::map<std::string, std::string>& now);

} // namespace omni
