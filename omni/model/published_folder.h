// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What makes a model folder a published checkpoint: a config.json with `model_type`,
// which a family of ours turns into a configuration and a table of tensor names.
// Internal to loading and saving.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "omni/families/answer_format.h"
#include "omni/families/name_table.h"
#include "omni/model/generation_config.h"
#include "omni/model/omni_config.h"

namespace omni {

struct PublishedModel {
  std::string config_json; // as it was read
  OmniConfig config;
  NameTable names;
  AnswerFormat answer_format;
  std::vector<int64_t> eos_ids; // of config.json; generation_config.json goes before
  std::string generation_json = "{}"; // generation_config.json as it was read, if any
  GenerationConfig generation = {}; // how the model draws and ends by it
};

// Nothing when the text is no published configuration (no `model_type`). Throws as
// read_config() does, and for a `model_type` that no family of ours reads. `subject`
// names the file in errors.
[[nodiscard]] std::optional<PublishedModel> parse_published(
    const std::string& config_json,
    const std::string& subject);

} // namespace omni
