// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"

namespace omni {
namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* kPrefix = "step-";
constexpr const char* kUnfinishedPrefix = "writing-";
constexpr const char* kBestFile = "best";
constexpr const char* kManifest = "state.json"; // written last, removed first

std::string name_of(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof(name), "step-%08lld", static_cast<long long>(step));
  return name;
}

bool is_name_of_step(const std::string& name) {
  return name.starts_with(kPrefix) &&
      name.find_first_not_of("0123456789", std::strlen(kPrefix)) == std::string::npos;
}

OrderedJson to_json(const std::map<std::string, Ratio>& ratios) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [name, ratio] : ratios) {
    json[name] = {ratio.sum, ratio.count};
  }
  return json;
}

OrderedJson parse_manifest(const fs::path& checkpoint) {
  return OrderedJson::parse(read_file(checkpoint / kManifest));
}

// Empty where a checkpoint has none.
std::map<std::string, Ratio> to_ratios(const OrderedJson& state, const char* key) {
  std::map<std::string, Ratio> ratios;
  const OrderedJson pairs =
      state.value(key, OrderedJson::object()); // outlives items(), which points to it
  for (const auto& item : pairs.items()) {
    ratios[item.key()] = {
        item.value().at(0).get<double>(), item.value().at(1).get<double>()};
  }
  return ratios;
}

std::vector<fs::path> whole_checkpoints(const fs::path& folder) {
  std::vector<fs::path> found;
  if (fs::is_directory(folder)) {
    for (const auto& item : fs::directory_iterator(folder)) {
      if (is_name_of_step(item.path().filename().string()) &&
          fs::exists(item.path() / kManifest)) {
        found.push_back(item.path());
      }
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// What a kill left: half written, half removed, or the next text of kBestFile.
bool is_unfinished(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(kUnfinishedPrefix) ||
      name.starts_with(std::string(kBestFile) + ".tmp") ||
      (is_name_of_step(name) && !fs::exists(path / kManifest));
}

// Killed half-way, what is left no longer counts as a checkpoint.
void remove_checkpoint(const fs::path& folder) {
  fs::remove(folder / kManifest);
  fs::remove_all(folder);
}

} // namespace

CheckpointFolder::CheckpointFolder(fs::path folder) : folder_(std::move(folder)) {}

void CheckpointFolder::write(const Checkpoint& checkpoint, int64_t keep, bool is_best) {
  const std::string name = name_of(checkpoint.state.step);
  const fs::path temporary = folder_ / (kUnfinishedPrefix + name);
  fs::remove_all(temporary);
  fs::create_directories(temporary);
  write_safetensors(temporary / "weights.safetensors", checkpoint.weights);
  write_safetensors(temporary / "optimizer.safetensors", checkpoint.optimizer);
  if (!checkpoint.average.empty()) {
    write_safetensors(temporary / "average.safetensors", checkpoint.average);
  }
  write_file(temporary / "config.json", checkpoint.config_json);
  const OrderedJson state = {
      {"step", checkpoint.state.step},
      {"is_best", is_best},
      {"has_best", checkpoint.state.has_best},
      {"best_loss", checkpoint.state.best_loss},
      {"evaluated", checkpoint.state.evaluated},
      {"trained_seconds", checkpoint.state.trained_seconds},
      {"losses", to_json(checkpoint.state.losses)},
      {"figures", to_json(checkpoint.state.figures)},
      {"inputs", checkpoint.state.inputs},
      {"environment", checkpoint.state.environment}};
  write_file(temporary / kManifest, state.dump(2) + "\n");
  remove_checkpoint(folder_ / name); // a run that went back and came here again
  fs::rename(temporary, folder_ / name);
  sync_folder(folder_);
  if (is_best) {
    write_file(folder_ / kBestFile, name + "\n");
  }
  std::string best;
  if (fs::exists(folder_ / kBestFile)) {
    best = read_file(folder_ / kBestFile);
    best.erase(std::remove(best.begin(), best.end(), '\n'), best.end());
  }
  const std::vector<fs::path> all = whole_checkpoints(folder_);
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) {
    if (all[i].filename() != best) {
      remove_checkpoint(all[i]);
    }
  }
}

void CheckpointFolder::repair() {
  if (!fs::is_directory(folder_)) {
    return;
  }
  std::vector<fs::path> unfinished;
  for (const auto& item : fs::directory_iterator(folder_)) {
    if (is_unfinished(item.path())) {
      unfinished.push_back(item.path());
    }
  }
  for (const fs::path& path : unfinished) {
    fs::remove_all(path);
  }
  const auto last = newest();
  if (last && parse_manifest(*last).value("is_best", false)) {
    write_file(folder_ / kBestFile, last->filename().string() + "\n");
  }
}

std::optional<fs::path> CheckpointFolder::newest() const {
  const std::vector<fs::path> all = whole_checkpoints(folder_);
  return all.empty() ? std::nullopt : std::optional(all.back());
}

Checkpoint CheckpointFolder::read_state(const fs::path& folder) {
  Checkpoint checkpoint;
  checkpoint.config_json = read_file(folder / "config.json");
  try {
    const OrderedJson state = parse_manifest(folder);
    checkpoint.state.step = state.at("step").get<int64_t>();
    checkpoint.state.has_best = state.at("has_best").get<bool>();
    checkpoint.state.best_loss = state.at("best_loss").get<double>();
    checkpoint.state.trained_seconds = state.at("trained_seconds").get<double>();
    checkpoint.state.losses = to_ratios(state, "losses");
    checkpoint.state.figures = to_ratios(state, "figures");
    // Checkpoints of before have none of these.
    using Texts = std::map<std::string, std::string>;
    checkpoint.state.inputs = state.value("inputs", Texts());
    checkpoint.state.environment = state.value("environment", Texts());
    checkpoint.state.evaluated = state.value("evaluated", std::string());
  } catch (const OrderedJson::exception& error) {
    throw IoError("checkpoint", folder.string(), error.what());
  }
  return checkpoint;
}

} // namespace omni
