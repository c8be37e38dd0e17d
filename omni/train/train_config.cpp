// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/train_config.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/packed_linear.h"
#include "omni/core/file_io.h"
#include "omni/model/config_archive.h"

namespace omni {

template <class Archive>
void describe(Archive& archive, RateGroup& o) {
  archive("pattern", o.pattern);
  archive("scale", o.scale);
}

template <class Archive>
void describe(Archive& archive, OptimizerOptions& o) {
  archive("learning_rate", o.learning_rate);
  archive("beta1", o.beta1);
  archive("beta2", o.beta2);
  archive("eps", o.eps);
  archive("weight_decay", o.weight_decay);
  archive("muon", o.muon);
  archive("muon_learning_rate", o.muon_learning_rate);
  archive("muon_momentum", o.muon_momentum);
  archive("clip_norm", o.clip_norm);
  archive.list("groups", o.groups);
}

template <class Archive>
void describe(Archive& archive, ScheduleOptions& o) {
  archive.choice(
      "kind", o.kind,
      {{"constant", ScheduleKind::Constant},
       {"cosine", ScheduleKind::Cosine},
       {"warmup_stable_decay", ScheduleKind::WarmupStableDecay}});
  archive("warmup_steps", o.warmup_steps);
  archive("decay_fraction", o.decay_fraction);
  archive("final_fraction", o.final_fraction);
}

template <class Archive>
void describe(Archive& archive, DataSource& o) {
  archive("name", o.name);
  archive("data", o.data);
  archive("weight", o.weight);
}

template <class Archive>
void describe(Archive& archive, InitialParts& o) {
  archive("folder", o.folder);
  archive("parts", o.parts);
}

template <class Archive>
void describe(Archive& archive, ObjectiveOptions& o) {
  archive("segment_seconds", o.segment_seconds);
  archive("pack_tokens", o.pack_tokens);
  archive("augment_from", o.augment_from);
  archive("side_losses_until", o.side_losses_until);
  archive("null_prompt_share", o.null_prompt_share);
  archive("speech_code_noise", o.speech_code_noise);
  archive("image_code_noise", o.image_code_noise);
}

template <class Archive>
void describe(Archive& archive, TrainConfig& o) {
  archive("objective", o.objective);
  archive("model", o.model);
  archive("tokenizer", o.tokenizer);
  archive.list("initialize_from", o.initialize_from);
  archive("output", o.output);
  archive.list("train", o.train);
  archive.list("evaluate", o.evaluate);
  archive("steps", o.steps);
  archive("batch_size", o.batch_size);
  archive("micro_batches", o.micro_batches);
  archive("parallel_batches", o.parallel_batches);
  archive("optimizer", o.optimizer);
  archive("schedule", o.schedule);
  archive("loss_weights", o.loss_weights);
  archive("freeze", o.freeze);
  archive("precision", o.precision);
  archive("ema_decay", o.ema_decay);
  archive("seed", o.seed);
  archive("num_threads", o.num_threads);
  archive("log_every", o.log_every);
  archive("evaluate_every", o.evaluate_every);
  archive("evaluate_samples", o.evaluate_samples);
  archive("checkpoint_every_seconds", o.checkpoint_every_seconds);
  archive("keep_checkpoints", o.keep_checkpoints);
  archive("options", o.options);
}

namespace {

namespace fs = std::filesystem;

// Replaces ${NAME} and makes the path absolute from the configuration's folder.
void resolve(std::string& path, const fs::path& folder) {
  size_t begin = 0;
  while ((begin = path.find("${")) != std::string::npos) {
    const size_t end = path.find('}', begin);
    if (end == std::string::npos) {
      throw ValueError("config", "expected `}` after `${` in \"" + path + "\".");
    }
    const std::string name = path.substr(begin + 2, end - begin - 2);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      throw ValueError(
          "config",
          "\"" + path + "\" needs the environment variable " + name +
              ", which is not set.");
    }
    path.replace(begin, end - begin + 1, value);
  }
  if (!path.empty()) {
    path = (folder / path).lexically_normal().string();
  }
}

void apply_override(ConfigJson& json, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw ValueError("config", "expected key.path=value, got \"" + text + "\".");
  }
  ConfigJson* place = &json;
  std::string keys = text.substr(0, equals);
  size_t dot = 0;
  while ((dot = keys.find('.')) != std::string::npos) {
    place = &(*place)[keys.substr(0, dot)];
    keys.erase(0, dot + 1);
  }
  const std::string value = text.substr(equals + 1);
  const ConfigJson parsed = ConfigJson::parse(value, nullptr, false);
  (*place)[keys] = parsed.is_discarded() ? ConfigJson(value) : parsed;
}

void check(const TrainConfig& config) {
  const auto require = [](bool condition, const std::string& message) {
    if (!condition) {
      throw ValueError("config", message);
    }
  };
  require(!config.objective.empty(), "expected `objective`, got none.");
  require(!config.model.empty(), "expected `model`, got none.");
  require(!config.output.empty(), "expected `output`, got none.");
  require(!config.train.empty(), "expected at least one entry in `train`, got none.");
  for (const auto& [key, value] :
       {std::pair("steps", config.steps), std::pair("batch_size", config.batch_size),
        std::pair("micro_batches", config.micro_batches),
        std::pair("parallel_batches", config.parallel_batches),
        std::pair("log_every", config.log_every),
        std::pair("keep_checkpoints", config.keep_checkpoints)}) {
    require(
        value > 0,
        std::string("expected `") + key + "` positive, got " + std::to_string(value) +
            ".");
  }
  require(
      config.precision == "float32" || config.precision == "bfloat16" ||
          config.precision == "auto",
      "expected `precision` float32, bfloat16 or auto, got \"" + config.precision +
          "\".");
  require(
      config.ema_decay >= 0.0 && config.ema_decay < 1.0,
      "expected `ema_decay` in [0, 1), got " + std::to_string(config.ema_decay) + ".");
}

} // namespace

at::ScalarType compute_dtype(const TrainConfig& config) {
  if (config.precision == "auto") {
    return kernels::is_bfloat16_fast() ? at::kBFloat16 : at::kFloat;
  }
  return config.precision == "bfloat16" ? at::kBFloat16 : at::kFloat;
}

TrainConfig parse_train_config(
    const std::string& json_text,
    const fs::path& folder,
    const std::vector<std::string>& overrides) {
  try {
    ConfigJson json = parse_ordered_json(json_text, "config", "the configuration");
    for (const std::string& override_text : overrides) {
      apply_override(json, override_text);
    }
    TrainConfig config;
    ConfigReader reader(json, "");
    describe(reader, config);
    reader.reject_unknown();
    check(config);
    for (std::string* value : {&config.model, &config.tokenizer, &config.output}) {
      resolve(*value, folder);
    }
    for (InitialParts& initial : config.initialize_from) {
      resolve(initial.folder, folder);
    }
    for (auto* sources : {&config.train, &config.evaluate}) {
      for (DataSource& source : *sources) {
        resolve(source.data, folder);
      }
    }
    return config;
  } catch (const ConfigJson::exception& error) {
    throw ValueError("config", std::string("expected JSON, got: ") + error.what());
  }
}

TrainConfig read_train_config(
    const fs::path& path,
    const std::vector<std::string>& overrides) {
  constexpr int64_t kMaxBytes = int64_t{1} << 20;
  const std::string text = read_file(path, kMaxBytes);
  try {
    return parse_train_config(text, fs::absolute(path).parent_path(), overrides);
  } catch (const ValueError& error) {
    throw ValueError("config", path.string() + ": " + error.what());
  } catch (const IoError& error) {
    throw IoError("config", path.string(), error.what());
  }
}

std::string train_config_to_json(const TrainConfig& config) {
  TrainConfig copy = config;
  ConfigWriter writer;
  describe(writer, copy);
  return writer.json.dump(2) + "\n";
}

namespace {

// Whether the first `num_steps` steps of two runs of one objective have the same rates,
// and the same answers to what it asks of the share of the run that is over.
bool begins_alike(const TrainConfig& a, const TrainConfig& b, int64_t num_steps) {
  const auto is_before = [](const TrainConfig& config, int64_t step) {
    const ObjectiveOptions& options = config.options;
    const double until = config.objective == "joint" ? options.side_losses_until
        : config.objective == "ctc"                  ? options.augment_from
                                                     : 0.0;
    return static_cast<double>(step) / static_cast<double>(config.steps) < until;
  };
  for (int64_t step = 0; step < num_steps; ++step) {
    if (learning_rate_share(a.schedule, step, a.steps) !=
            learning_rate_share(b.schedule, step, b.steps) ||
        is_before(a, step) != is_before(b, step)) {
      return false;
    }
  }
  return num_steps <= b.steps;
}

bool is_list_of_objects(const ConfigJson& json) {
  return json.is_array() && !json.empty() && json.front().is_object();
}

// Adds the keys below which two values differ: as deep as there are names.
void add_changed(
    const ConfigJson& before,
    const ConfigJson& now,
    const std::string& name,
    std::vector<std::string>& changed) {
  if (before.is_object() && now.is_object()) {
    const std::string start = name.empty() ? "" : name + ".";
    for (const auto& item : now.items()) {
      const auto found = before.find(item.key());
      add_changed(
          found == before.end() ? ConfigJson() : *found, item.value(),
          start + item.key(), changed);
    }
    for (const auto& item : before.items()) {
      if (!now.contains(item.key())) {
        changed.push_back(start + item.key());
      }
    }
  } else if (
      is_list_of_objects(before) && is_list_of_objects(now) &&
      before.size() == now.size()) {
    for (size_t i = 0; i < now.size(); ++i) {
      add_changed(before[i], now[i], name + "[" + std::to_string(i) + "]", changed);
    }
  } else if (before != now) {
    changed.push_back(name);
  }
}

// Read as a configuration, so that a key added since has its default.
TrainConfig parse_saved(const std::string& saved_json) {
  TrainConfig saved;
  const ConfigJson json = ConfigJson::parse(saved_json);
  ConfigReader reader(json, "");
  describe(reader, saved);
  return saved;
}

} // namespace

std::vector<std::string> changed_fields(
    const std::string& saved_json,
    const TrainConfig& config,
    int64_t num_steps) {
  static constexpr const char* kFree[] = {
      "log_every",
      "evaluate",
      "evaluate_every",
      "evaluate_samples",
      "checkpoint_every_seconds",
      "keep_checkpoints",
      "output"};
  TrainConfig before = parse_saved(saved_json);
  if (begins_alike(before, config, num_steps)) {
    before.steps = config.steps;
    before.schedule = config.schedule;
    before.options.side_losses_until = config.options.side_losses_until;
    before.options.augment_from = config.options.augment_from;
  }
  ConfigJson saved = ConfigJson::parse(train_config_to_json(before));
  ConfigJson now = ConfigJson::parse(train_config_to_json(config));
  for (const char* key : kFree) {
    saved.erase(key);
    now.erase(key);
  }
  std::vector<std::string> changed;
  add_changed(saved, now, "", changed);
  return changed;
}

bool evaluates_alike(const std::string& saved_json, const TrainConfig& config) {
  const TrainConfig before = parse_saved(saved_json);
  return before.evaluate_samples == config.evaluate_samples &&
      std::equal(
             before.evaluate.begin(), before.evaluate.end(), config.evaluate.begin(),
             config.evaluate.end(),
             [](const DataSource& a, const DataSource& b) { return a.data == b.data; });
}

} // namespace omni
