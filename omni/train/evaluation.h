// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What held-out samples say of a model: losses and figures over all of them, by counts.
#pragma once

#include <map>
#include <string>

#include "omni/train/objective.h"

namespace omni {

struct EvaluationMeans {
  std::map<std::string, double> losses;
  std::map<std::string, double> figures;

  // What runs are compared by: the sum of the losses' means.
  [[nodiscard]] double total() const;
};

// The first `num_samples` of a set (or all it has), `batch_size` at once.
// Deterministic.
[[nodiscard]] EvaluationMeans evaluate_set(
    Objective& objective,
    const Dataset& dataset,
    int64_t num_samples,
    int64_t batch_size);

} // namespace omni
