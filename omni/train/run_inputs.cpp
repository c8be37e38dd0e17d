// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/run_inputs.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "omni/core/digest.h"
#include "omni/core/file_io.h"

namespace omni {
namespace {

constexpr const char* kNumThreads = "num_threads";
constexpr const char* kTorch = "torch";
constexpr const char* kCpuCapability = "cpu_capability";

// How to go on with what a run began with.
std::string remedy(const std::string& name, const std::string& before) {
  if (name == kNumThreads) {
    return "set `num_threads` to " + before;
  }
  if (name == kTorch) {
    return "go on with torch " + before;
  }
  std::string setting = before == "NO AVX" ? "default" : before;
  std::transform(setting.begin(), setting.end(), setting.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return "go on on such a processor, or set ATEN_CPU_CAPABILITY=" + setting +
      " on one that can do more";
}

// The names whose digest changed, came or went, as one phrase; empty: none.
std::string changed_inputs(
    const std::map<std::string, std::string>& saved,
    const std::map<std::string, std::string>& now) {
  if (saved.empty()) {
    return {};
  }
  std::map<std::string, std::string> all = saved;
  all.insert(now.begin(), now.end());
  std::string changed;
  for (const auto& [name, digest] : all) {
    const auto before = saved.find(name);
    const auto after = now.find(name);
    if (before == saved.end() || after == now.end() ||
        before->second != after->second) {
      changed += (changed.empty() ? "" : ", ") + name;
    }
  }
  return changed;
}

// Both values of what changed, each with its remedy; empty: nothing.
std::string changed_environment(
    const std::map<std::string, std::string>& saved,
    const std::map<std::string, std::string>& now) {
  std::string changed;
  for (const auto& [name, value] : now) {
    const auto before = saved.find(name);
    if (before != saved.end() && before->second != value) {
      changed += changed.empty() ? "" : "; ";
      changed += name + " " + before->second + ", got " + value + " (" +
          remedy(name, before->second) + ")";
    }
  }
  return changed;
}

} // namespace

std::map<std::string, std::string> digest_inputs(
    const TrainConfig& config,
    const OmniModelImpl& model,
    const std::vector<Dataset>& datasets,
    const NamedTensors& trained) {
  std::map<std::string, std::string> digests;
  digests["the model's configuration"] = digest(config_to_json(model.config));
  if (!config.tokenizer.empty()) {
    digests["the tokenizer"] = digest(read_file(config.tokenizer));
  }
  for (size_t i = 0; i < datasets.size(); ++i) {
    const DataSource& source = config.train[i];
    std::string name = "the training data ";
    name += source.name.empty() ? source.data : source.name;
    digests[name] = datasets[i].digest();
  }
  std::set<std::string> is_trained;
  for (const auto& [name, tensor] : trained) {
    is_trained.insert(name);
  }
  std::map<std::string, std::string> of_part;
  for (const auto& item : model.named_parameters()) {
    if (!is_trained.contains(item.key())) {
      const std::string part = item.key().substr(0, item.key().find('.'));
      of_part[part] += item.key() + digest(item.value());
    }
  }
  for (const auto& [part, digests_of_tensors] : of_part) {
    digests["the weights of " + part] = digest(digests_of_tensors);
  }
  return digests;
}

std::map<std::string, std::string> run_environment() {
  return {
      {kNumThreads, std::to_string(at::get_num_threads())},
      {kTorch, TORCH_VERSION},
      {kCpuCapability, at::get_cpu_capability()}};
}

std::string digest_evaluated(
    const TrainConfig& config,
    const std::vector<Dataset>& datasets) {
  if (datasets.empty()) {
    return {};
  }
  std::string text = std::to_string(config.evaluate_samples);
  for (const Dataset& dataset : datasets) {
    text += ' ' + dataset.digest();
  }
  return digest(text);
}

bool evaluates_the_same(
    const Checkpoint& saved,
    const TrainConfig& config,
    const std::string& evaluated) {
  return saved.state.evaluated.empty() ? evaluates_alike(saved.config_json, config)
                                       : saved.state.evaluated == evaluated;
}

void check_same_run(
    const std::filesystem::path& checkpoint,
    const Checkpoint& saved,
    const TrainConfig& config,
    const CheckpointState& now) {
  std::string fields;
  for (const std::string& field :
       changed_fields(saved.config_json, config, saved.state.step)) {
    // What it came to is compared below: 0 and the number of cores are the same.
    if (field != kNumThreads || !saved.state.environment.contains(kNumThreads)) {
      fields += (fields.empty() ? "" : ", ") + field;
    }
  }
  TORCH_CHECK_VALUE(
      fields.empty(), "[train] ", checkpoint.string(),
      ": expected the configuration that wrote this checkpoint, got one with another ",
      fields,
      ". Undo that, or give another `output` (initialize_from takes the weights "
      "along).");
  const std::string inputs = changed_inputs(saved.state.inputs, now.inputs);
  TORCH_CHECK_VALUE(
      inputs.empty(), "[train] ", checkpoint.string(),
      ": expected what this run began with, but ", inputs,
      " changed since. Restore that, or give another `output`.");
  const std::string environment =
      changed_environment(saved.state.environment, now.environment);
  TORCH_CHECK_VALUE(
      environment.empty(), "[train] ", checkpoint.string(), ": expected ", environment,
      ": the run would not go on bit for bit. Or give another `output` "
      "(initialize_from takes the weights along).");
}

} // namespace omni
