// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The training loop: batches from a background thread, losses normalised over all
// micro-batches of a step, optimizer, moving average, evaluation, checkpoints. A run
// that was stopped goes on bit for bit where it was.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "omni/train/train_config.h"

namespace omni {

// What a listener learns. A library does not print: programs do.
struct TrainEvent {
  enum class Kind {
    LeftOut,
    Started,
    Resumed,
    Step,
    Evaluated,
    Saved,
    Finished,
    Stopped
  };
  Kind kind = Kind::Step;
  int64_t step = 0; // steps done
  int64_t num_steps = 0;
  // Of the evaluation set, or the folder saved; LeftOut: the data; Resumed: a sentence
  // on what is not as it was, such as a best that was forgotten, or empty.
  std::string name = {};
  std::string precision = {}; // Started, Resumed: what `precision` is on this machine
  std::string needs = {}; // LeftOut: what `num_left_out` samples of the data lack
  int64_t num_left_out = 0;
  std::map<std::string, double> losses = {}; // means by term since the last event
  std::map<std::string, double> figures = {};
  double learning_rate_share = 0.0;
  double gradient_norm = 0.0;
  double tokens_per_second = 0.0;
  double seconds_left = 0.0;
};

struct TrainHooks {
  std::function<void(const TrainEvent&)> on_event;
  std::function<bool()> wants_stop; // asked after every step; saves and returns
};

// Runs (or resumes) the configuration until its last step. The final model, with the
// moving average where there is one, is saved as a model folder in `output`/model.
// Throws ValueError naming what changed when the checkpoint there is of another
// configuration, of other data or weights, or of another number of threads, version of
// torch or kind of processor. Returns false when it was stopped before the end.
bool train(const TrainConfig& config, const TrainHooks& hooks = {});

} // namespace omni
