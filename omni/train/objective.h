// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What is trained: how samples become a batch, and a batch a loss. One file each in
// objectives/. `load` runs in a background thread and depends on its arguments alone;
// `loss` and `evaluate` run in the training thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "omni/model/omni_model.h"
#include "omni/train/data_order.h"
#include "omni/train/dataset.h"

namespace omni {

struct Batch {
  virtual ~Batch() = default;
  // How many supervised items each loss term has in this batch, by the term's name. A
  // term that is not here is a mean already and counts once a batch.
  std::map<std::string, double> counts;
  int64_t num_tokens = 0; // or frames, pictures: for the rate that is shown
};

struct LossTerm {
  std::string name;
  at::Tensor sum; // float32 scalar, over the counted items, differentiable
};

struct Losses {
  std::vector<LossTerm> terms;
  std::map<std::string, at::Tensor> figures; // detached scalars to log
};

// Where in the run a batch is used.
struct Progress {
  int64_t step = 0;
  int64_t num_steps = 1;

  [[nodiscard]] double share() const {
    return static_cast<double>(step) / static_cast<double>(num_steps);
  }
};

class Objective {
 public:
  virtual ~Objective() = default;

  // A deterministic function of the samples and their addresses' seeds. Training
  // augments; evaluation does not.
  virtual std::unique_ptr<Batch> load(
      const std::vector<Sample>& samples,
      const std::vector<SampleAddress>& addresses,
      const Progress& progress,
      bool is_training) = 0;
  virtual Losses loss(const Batch& batch, const Progress& progress) = 0;
  // Figures of a held-out batch beyond its losses, such as error rates.
  virtual std::map<std::string, double> evaluate(const Batch&) {
    return {};
  }
  // Parts of the model that this objective trains, as prefixes of parameter names.
  [[nodiscard]] virtual std::vector<std::string> trained_parts() const = 0;
};

} // namespace omni
