// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Checkpoints of a run: folders `step-00001200` with weights, optimizer state, moving
// average and progress. Written under a temporary name, synced, then renamed: a folder
// of that name is always whole, and what was there before stays until it is.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "omni/core/safetensors.h"
#include "omni/train/running_means.h"

namespace omni {

struct CheckpointState {
  int64_t step = 0; // steps done
  double best_loss = 0.0; // of evaluation so far; only if has_best
  bool has_best = false;
  std::string evaluated; // what best_loss is of: a digest, see run_inputs.h
  double trained_seconds = 0.0;
  // Running means since the last line of the log.
  std::map<std::string, Ratio> losses;
  std::map<std::string, Ratio> figures;
  std::map<std::string, std::string> inputs; // digests, see run_inputs.h
  std::map<std::string, std::string> environment; // values, see run_inputs.h
};

struct Checkpoint {
  CheckpointState state;
  std::string config_json; // of the run that wrote it
  NamedTensors weights;
  NamedTensors optimizer;
  NamedTensors average; // empty without a moving average
};

class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder);

  // Writes step-N and removes all but the newest `keep` and the best.
  void write(const Checkpoint& checkpoint, int64_t keep, bool is_best);
  // After a run that was killed while it saved: removes what is half written or half
  // removed, and names the best checkpoint. Not while another run saves here.
  void repair();
  // The newest whole checkpoint's folder; none when the run has not saved yet.
  [[nodiscard]] std::optional<std::filesystem::path> newest() const;
  // State and configuration of a checkpoint, without its tensors.
  [[nodiscard]] static Checkpoint read_state(const std::filesystem::path& checkpoint);

 private:
  std::filesystem::path folder_;
};

} // namespace omni
