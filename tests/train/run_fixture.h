// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Small training runs: a few samples with every kind of media, the tiny model, and a
// configuration of eight steps.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "omni/train/trainer.h"
#include "tests/support/temporary_folder.h"

namespace omni::testing {

// Pictures with questions and label grids, and sounds with transcripts and spoken
// answers: `count` loose samples.
void write_samples(const std::filesystem::path& folder, int64_t count);

// A run in a temporary folder with data/, model.json, train.json and out/.
struct TinyRun {
  explicit TinyRun(const std::string& objective);

  // Trains until `steps` more are done, as if stopped by Ctrl-C then.
  void train_steps(int64_t steps) const;
  void train_to_end() const;
  [[nodiscard]] std::string weights() const; // bytes of the final model's file
  [[nodiscard]] std::string log() const; // log.jsonl
  [[nodiscard]] std::filesystem::path checkpoints() const;

  test::TemporaryFolder folder;
  TrainConfig config;
};

} // namespace omni::testing
