// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/batch_loader.h"

#include <c10/core/GradMode.h>

#include "omni/train/worker_threads.h"

namespace omni {
namespace {

constexpr size_t kStepsAhead = 4;

} // namespace

BatchLoader::BatchLoader(
    const TrainConfig& config,
    const std::vector<Dataset>& datasets,
    Objective& objective,
    int64_t first_step)
    : config_(config), datasets_(datasets), objective_(objective), step_(first_step) {
  std::vector<int64_t> sizes;
  std::vector<double> weights;
  for (size_t i = 0; i < datasets.size(); ++i) {
    sizes.push_back(datasets[i].size());
    weights.push_back(config.train[i].weight);
  }
  order_ =
      std::make_unique<DataOrder>(sizes, weights, static_cast<uint64_t>(config.seed));
  order_->seek(first_step * config.micro_batches * config.batch_size);
  // One thread: a second team on the same cores would wait for the first at every
  // barrier.
  thread_ = start_serial_thread([this] { run(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

StepBatches BatchLoader::load_step(int64_t step) {
  StepBatches batches;
  for (int64_t micro = 0; micro < config_.micro_batches; ++micro) {
    std::vector<Sample> samples;
    std::vector<SampleAddress> addresses;
    for (int64_t i = 0; i < config_.batch_size; ++i) {
      addresses.push_back(order_->next());
      samples.push_back(datasets_[static_cast<size_t>(addresses.back().dataset)].read(
          addresses.back().index));
    }
    batches.push_back(objective_.load(samples, addresses, {step, config_.steps}, true));
  }
  return batches;
}

void BatchLoader::run() {
  const c10::NoGradGuard guard;
  try {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(
            lock, [this] { return is_stopping_ || ready_.size() < kStepsAhead; });
        if (is_stopping_ || step_ >= config_.steps) {
          return;
        }
      }
      StepBatches batches = load_step(step_++);
      {
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(batches));
      }
      changed_.notify_all();
    }
  } catch (...) { // handed to the training thread
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    changed_.notify_all();
  }
}

StepBatches BatchLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return error_ || !ready_.empty(); });
  if (ready_.empty()) {
    std::rethrow_exception(error_);
  }
  StepBatches batches = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return batches;
}

} // namespace omni
