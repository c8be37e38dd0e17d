// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/generation_config.h"

#include "omni/core/json.h"
#include "omni/model/sampling_fields.h"

namespace omni {
namespace {

constexpr const char* kComponent = "generation_config";

bool draws(const GenerationConfig& config) {
  return config.sampling.temperature.value_or(0.0) > 0.0;
}

// What ends an answer.
void write_ends(const GenerationConfig& config, OrderedJson& document) {
  if (config.sampling.stop.empty()) {
    document.erase("stop_strings");
  } else {
    document["stop_strings"] = config.sampling.stop;
  }
  if (config.eos_ids.size() == 1) {
    document["eos_token_id"] = config.eos_ids.front();
  } else {
    document["eos_token_id"] = config.eos_ids;
  }
}

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
          config.sampling.*field = object.integer(key, 0);
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
  OrderedJson document = OrderedJson::object();
  if (draws(config)) {
    document["do_sample"] = true;
  }
  visit_open_fields([&](const char* key, auto SamplingOptions::*field) {
    if (config.sampling.*field) {
      document[key] = *(config.sampling.*field);
    }
  });
  write_ends(config, document);
  return document.dump(2) + "\n";
}

std::string update_generation_config(
    const std::string& json,
    const GenerationConfig& was,
    const GenerationConfig& now) {
  OrderedJson document = parse_ordered_json(json, kComponent, "generation_config.json");
  const OrderedJson before = document;
  SamplingOptions wanted = now.sampling;
  if (draws(was) != draws(now)) {
    document["do_sample"] = draws(now);
  }
  if (!draws(now)) {
    wanted.temperature = was.sampling.temperature; // do_sample says it
  } else if (!wanted.top_k) {
    wanted.top_k = 0; // else it would be read as that of `transformers`
  }
  visit_open_fields([&](const char* key, auto SamplingOptions::*field) {
    if (wanted.*field == was.sampling.*field) {
      return;
    }
    if (wanted.*field) {
      document[key] = *(wanted.*field);
    } else {
      document.erase(key);
    }
  });
  if (now.sampling.stop != was.sampling.stop || now.eos_ids != was.eos_ids) {
    write_ends(now, document);
  }
  return document == before ? json : document.dump(2) + "\n";
}

} // namespace omni
