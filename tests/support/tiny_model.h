// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A model with every part, so small that a test can afford it: random weights of a
// fixed seed, the tokenizer of tests/golden/tiny_unigram.model.
#pragma once

#include <string>

#include "omni/model/omni_model.h"

namespace omni::testing {

// Folder of the sources' tests/golden.
std::string golden_folder();
// config.json of the tiny model; `vocab_size` text ids come first.
std::string tiny_config_json();
OmniModel make_tiny_model(uint64_t seed = 0);

} // namespace omni::testing
