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
  SamplingOptions sampling; // only what may be left open, and stop strings
  std::vector<int64_t> eos_ids; // empty: the file does not say
};

// What a file leaves out: nothing is said of it, or, in a published checkpoint, what
// `transformers` would do: no sampling without `do_sample`, and with it temperature 1
// among the 50 most likely.
enum class GenerationDefaults { Open, Published };

// `do_sample` false is temperature 0, whatever else the file says of text; keys that we
// do not know are passed over. Throws IoError or ValueError that name `source` or the
// key.
[[nodiscard]] GenerationConfig parse_generation_config(
    const std::string& json,
    const std::string& source = "generation_config.json",
    GenerationDefaults defaults = GenerationDefaults::Open);

[[nodiscard]] std::string generation_config_to_json(const GenerationConfig& config);

// A published file, which said `was`, made to say `now`: what has not changed and keys
// that we do not know stay as they came.
[[nodiscard]] std::string update_generation_config(
    const std::string& json,
    const GenerationConfig& was,
    const GenerationConfig& now);

} // namespace omni
