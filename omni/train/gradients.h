// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One step's losses and gradients: every micro-batch divided by the counts of the whole
// step, computed side by side or one after another, added up in their order.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "omni/train/batch_loader.h"
#include "omni/train/worker_threads.h"

namespace omni {

struct StepLosses {
  std::map<std::string, at::Tensor> means; // by term, over the whole step
  std::vector<std::pair<std::string, at::Tensor>> figures; // of each micro-batch
  // Micro-batches that teach nothing: no targets, or none that a parameter had a part
  // in.
  int64_t num_without_gradient = 0;
};

// Sets the gradients of `parameters` (undefined where none flows) to those of the
// weighted sum of the loss terms.
[[nodiscard]] StepLosses differentiate(
    Objective& objective,
    const StepBatches& batches,
    const Progress& progress,
    const TrainConfig& config,
    const NamedTensors& parameters,
    WorkerThreads& workers);

} // namespace omni
