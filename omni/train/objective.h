// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What is trained: how samples become a batch, and a batch a loss. One file each in
// objectives/. `load` runs in a background thread and depends on its arguments alone;
// `loss` runs in the training thread or a worker, `evaluate` in the training thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "omni/model/omni_model.h"
#include "omni/train/data_order.h"
#include "omni/train/dataset.h"
#include "omni/train/running_means.h"

namespace omni {

struct Batch {
  virtual ~Batch() = default;
  // How many supervised items each loss term has in this batch, by the term's name. A
  // term that is not here is a mean already and counts once a batch.
  std::map<std::string, double> counts;
  // What each term's sum is multiplied by in the loss that is differentiated, by name;
  // 1 where none is given. Set by the trainer.
  std::map<std::string, double> scales;
  int64_t num_tokens = 0; // or frames, pictures: for the rate that is shown
};

struct LossTerm {
  std::string name;
  at::Tensor sum; // float32 scalar, over the counted items, differentiable
  bool is_scaled = false; // `sum` is detached: Losses::scaled has the term, scaled
};

struct Losses {
  std::vector<LossTerm> terms;
  at::Tensor scaled; // float32 scalar: terms that one operation differentiates together
  std::map<std::string, at::Tensor> figures; // detached scalars to log
};

// Of a held-out batch: its losses, and figures such as error rates, by counts.
struct Evaluation {
  Losses losses;
  std::map<std::string, Ratio> figures;
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
  // One forward pass: the losses, and what else can be read off it.
  virtual Evaluation evaluate(const Batch& batch) {
    return {loss(batch, {1, 1}), {}};
  }
  // What a sample must have, as in "a transcript"; empty: nothing. Samples for which
  // has_needed() is false are left out; it sees no contents of media. Evaluation may
  // need more than training, which also learns from side losses.
  [[nodiscard]] virtual std::string needs(bool /*is_training*/) const {
    return {};
  }
  [[nodiscard]] virtual bool has_needed(const Sample&, bool /*is_training*/) const {
    return true;
  }
  // Loss terms that a batch need not have, as far as `num_samples` of each training set
  // tell; the others are in every batch.
  [[nodiscard]] virtual std::vector<std::string> rare_terms(
      const std::vector<Dataset>&,
      int64_t /*num_samples*/) const {
    return {};
  }
  // Parts of the model that this objective trains, as prefixes of parameter names.
  [[nodiscard]] virtual std::vector<std::string> trained_parts() const = 0;
};

} // namespace omni
