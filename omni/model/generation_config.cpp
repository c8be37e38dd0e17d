// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/generation_config.h"

#include "omni/core/json.h"

namespace omni {
namespace {

constexpr const char* kComponent = "generation_config";

// Every key that is a field, for reading and for writing.
template <class Options, class Visit>
void visit_fields(Options& options, const Visit& visit) {
  visit("temperature", options.temperature);
  visit("top_k", options.top_k);
  visit("top_p", options.top_p);
  visit("min_p", options.min_p);
  visit("repetition_penalty", options.repetition_penalty);
  visit("image_temperature", options.image_temperature);
  visit("image_guidance_scale", options.image_guidance_scale);
  visit("speech_temperature", options.speech_temperature);
}

} // namespace

GenerationConfig parse_generation_config(
    const std::string& json,
    const std::string& source) {
  const Json document = parse_json(json, kComponent, source);
  const JsonObject object(document, kComponent);
  GenerationConfig config;
  visit_fields(
      config.sampling, [&]<class Value>(const char* key, std::optional<Value>& field) {
        if (!object.has(key)) {
          return;
        }
        if constexpr (std::is_same_v<Value, int64_t>) {
          field = object.integer(key);
        } else {
          field = object.number(key);
        }
      });
  if (!object.boolean_or("do_sample", true)) {
    config.sampling.temperature = 0.0;
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
  visit_fields(config.sampling, [&](const char* key, const auto& field) {
    if (field) {
      document[key] = *field;
    }
  });
  if (config.eos_ids.size() == 1) {
    document["eos_token_id"] = config.eos_ids.front();
  } else {
    document["eos_token_id"] = config.eos_ids;
  }
  return document.dump(2) + "\n";
}

} // namespace omni
