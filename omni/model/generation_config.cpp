// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/generation_config.h"

#include "omni/core/json.h"
#include "omni/model/sampling_fields.h"

namespace omni {
namespace {

constexpr const char* kComponent = "generation_config";

} // namespace

GenerationConfig parse_generation_config(
    const std::string& json,
    const std::string& source,
    GenerationDefaults defaults) {
  const Json document = parse_json(json, kComponent, source);
  const JsonObject object(document, kComponent);
  GenerationConfig config;
  visit_open_fields(
      [&]<class Value>(const char* key, std::optional<Value> SamplingOptions::*field) {
        if (!object.has(key)) {
          return;
        }
        if constexpr (std::is_same_v<Value, int64_t>) {
          config.sampling.*field = object.integer(key);
        } else {
          config.sampling.*field = object.number(key);
        }
      });
  check_sampling_options(config.sampling); // also what `do_sample` overrules
  const bool is_published = defaults == GenerationDefaults::Published;
  if (!object.boolean_or("do_sample", !is_published)) {
    config.sampling.temperature = 0.0;
  } else if (is_published) {
    constexpr int64_t kTopK = 50;
    config.sampling.temperature = config.sampling.temperature.value_or(1.0);
    config.sampling.top_k = config.sampling.top_k.value_or(kTopK);
  }
  if (object.has("stop_strings")) {
    config.sampling.stop = object.is_string("stop_strings")
        ? std::vector<std::string>{object.string("stop_strings")}
        : object.strings("stop_strings");
  }
  check_sampling_options(config.sampling);
  if (object.has("eos_token_id")) {
    config.eos_ids = document["eos_token_id"].is_array()
        ? object.integers("eos_token_id")
        : std::vector<int64_t>{object.integer("eos_token_id", 0)};
  }
  return config;
}

std::string generation_config_to_json(const GenerationConfig& config) {
  OrderedJson document;
  if (config.sampling.temperature.value_or(0.0) > 0.0) {
    document["do_sample"] = true;
  }
  visit_open_fields([&](const char* key, auto SamplingOptions::*field) {
    if (config.sampling.*field) {
      document[key] = *(config.sampling.*field);
    }
  });
  if (!config.sampling.stop.empty()) {
    document["stop_strings"] = config.sampling.stop;
  }
  if (config.eos_ids.size() == 1) {
    document["eos_token_id"] = config.eos_ids.front();
  } else {
    document["eos_token_id"] = config.eos_ids;
  }
  return document.dump(2) + "\n";
}

} // namespace omni
