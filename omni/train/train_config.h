// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The configuration of a training run, one JSON file. Unknown keys are errors. Paths
// are relative to the file; ${NAME} in them is replaced from the environment.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

#include "omni/train/optimizer.h"
#include "omni/train/schedule.h"

namespace omni {

struct DataSource {
  std::string name; // of an evaluation set, in the log
  std::string data; // folder or .tar
  double weight = 1.0; // share of the training mix
};

struct InitialParts {
  std::string folder; // a model folder
  std::vector<std::string> parts; // e.g. "vit", "image_codec"
};

// What only some objectives read.
struct ObjectiveOptions {
  double segment_seconds = 2.0; // of sound a codec sees at once
  int64_t pack_tokens = 512; // length of a packed row (joint)
  double augment_from = 0.12; // share of the run before sounds are augmented (ctc)
  double side_losses_until = 1.0; // share of the run with side losses (joint)
  double null_prompt_share = 0.1; // of drawings trained without their prompt (joint)
  double speech_code_noise = 0.1; // share of input speech codes replaced (joint)
  // Most of a drawing's input codes replaced, each drawing its own share of 0 to this
  // (joint): what it draws is then to be read from the prompt, not from its own codes.
  double image_code_noise = 0.0;
};

struct TrainConfig {
  std::string objective; // image_codec, speech_codec, vocoder, ctc, dense, joint
  std::string model; // config.json of the model
  std::string tokenizer; // file; needed by joint
  std::vector<InitialParts> initialize_from;
  std::string output; // folder of checkpoints, log and final model
  std::vector<DataSource> train;
  std::vector<DataSource> evaluate;
  int64_t steps = 1000;
  int64_t batch_size = 32; // samples a micro-batch
  int64_t micro_batches = 1; // a step
  // Micro-batches computed at the same time, a thread each; 1: one after another, each
  // by `num_threads`.
  int64_t parallel_batches = 1;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  std::map<std::string, double> loss_weights; // by term; 1 unless named
  std::vector<std::string> freeze; // patterns of parameters left as they are
  // Weights are float32. "bfloat16": products by autocast; "auto": that where this
  // processor is faster by it, else float32.
  std::string precision = "float32";
  double ema_decay = 0.0; // 0: no moving average
  int64_t seed = 0;
  int64_t num_threads = 0; // 0: one a core
  int64_t log_every = 20; // steps
  int64_t evaluate_every = 0; // steps; 0: only at the end
  int64_t evaluate_samples = 256; // a data set
  double checkpoint_every_seconds = 180;
  int64_t keep_checkpoints = 2; // newest, besides the best
  ObjectiveOptions options;
};

// What `precision` is on this machine.
[[nodiscard]] at::ScalarType compute_dtype(const TrainConfig& config);

// Throws IoError or ValueError naming the file and the key. `overrides` are
// "key.path=value" with JSON values.
[[nodiscard]] TrainConfig read_train_config(
    const std::filesystem::path& path,
    const std::vector<std::string>& overrides = {});
// The same from JSON text; paths in it are relative to `folder`.
[[nodiscard]] TrainConfig parse_train_config(
    const std::string& json_text,
    const std::filesystem::path& folder,
    const std::vector<std::string>& overrides = {});
[[nodiscard]] std::string train_config_to_json(const TrainConfig& config);
// Names of the fields in which two runs differ ("optimizer.learning_rate"), other than
// those that only say how often something is logged, saved or evaluated. `steps`,
// `schedule` and `options` may differ where the first `num_steps` steps would have been
// the same: what is stable so far can go on longer, or decay now.
[[nodiscard]] std::vector<std::string> changed_fields(
    const std::string& saved_json,
    const TrainConfig& config,
    int64_t num_steps);
// Whether two runs evaluate as many samples of the same sets, as far as their
// configurations tell. The names of the sets do not matter.
[[nodiscard]] bool evaluates_alike(
    const std::string& saved_json,
    const TrainConfig& config);

} // namespace omni
