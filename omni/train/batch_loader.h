// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Reads and collates batches ahead of the training thread, in order. What a batch holds
// depends only on the seed and its number, never on timing.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "omni/train/objective.h"
#include "omni/train/train_config.h"

namespace omni {

// The micro-batches of one optimizer step.
using StepBatches = std::vector<std::unique_ptr<Batch>>;

class BatchLoader {
 public:
  // Begins at step `first_step`. `datasets` are those of config.train; all arguments
  // must outlive the loader.
  BatchLoader(
      const TrainConfig& config,
      const std::vector<Dataset>& datasets,
      Objective& objective,
      int64_t first_step);
  ~BatchLoader();
  // Throws what loading threw.
  StepBatches next();

 private:
  void run();
  StepBatches load_step(int64_t step);

  const TrainConfig& config_;
  const std::vector<Dataset>& datasets_;
  Objective& objective_;
  std::unique_ptr<DataOrder> order_;
  int64_t step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<StepBatches> ready_;
  std::exception_ptr error_;
  bool is_stopping_ = false;
  std::thread thread_;
};

} // namespace omni
