// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// generation_config.json: how the makers of a model recommend to draw its answers, and
// the ids that end them. Keys are those of published folders, and omni-nano's own for
// drawings and speech.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omni/model/sampling_options.h"

namespace omni {

struct GenerationConfig {
  SamplingOptions sampling; // only how ids are drawn: the fields that may be left open
  std::vector<int64_t> eos_ids; // empty: the file does not say
};

// `do_sample` false is temperature 0, whatever else the file says of text; keys that we
// do not know are left alone. Throws IoError or ValueError that name `source` or the
// key.
[[nodiscard]] GenerationConfig parse_generation_config(
    const std::string& json,
    const std::string& source = "generation_config.json");

[[nodiscard]] std::string generation_config_to_json(const GenerationConfig& config);

} // namespace omni
