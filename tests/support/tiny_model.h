// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A model with every part, so small that a test can afford it: random weights of a
// fixed seed, the tokenizer of tests/golden/tiny_unigram.model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "omni/families/answer_format.h"
#include "omni/model/omni_model.h"

namespace omni::testing {

struct TinyOptions {
  int64_t sliding_window = 0; // of the first of its two layers; 0: sees everything
  int64_t max_positions = 512;
  std::vector<std::string> without = {}; // roles of control ids that it lacks
};

// Folder of the sources' tests/golden.
std::string golden_folder();
// config.json of the tiny model; `vocab_size` text ids come first.
std::string tiny_config_json(const TinyOptions& options = {});
OmniModel make_tiny_model(uint64_t seed = 0, const TinyOptions& options = {});
// Without a tied head and with large weights: what it says depends on all that came
// before, so that a wrong row of a cache changes an answer.
OmniModel make_attentive_model(const TinyOptions& options = {});
// Makes a published one of a model: it has a chat template, which is written to the
// folder `home`, and its answers end with the tokenizer's </s>.
void give_chat_template(
    OmniModel& model,
    const std::filesystem::path& home,
    const std::string& source,
    const AnswerFormat& format = {});

} // namespace omni::testing
