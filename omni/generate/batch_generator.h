// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Text answers to several prompts at once: the weights are read once a step for all.
// Each answer is the one that its prompt gets alone, but for the rounding of products.
#pragma once

#include <functional>
#include <vector>

#include "omni/generate/generator.h"

namespace omni {

struct BatchRequest {
  std::vector<std::vector<int64_t>> prompts; // ids, of any lengths
  SamplingOptions sampling = {}; // of each of them, with the same seed
  int64_t max_new_tokens = 32; // of each answer
  bool wants_log_probabilities = false;
  // Asked before every piece of a prompt and every step; true ends all answers as
  // Cancelled.
  std::function<bool()> wants_cancel = {};
};

// A result for each prompt, in order. An answer ends with any of the model's eos ids,
// which is its last id, with a stop string, or by length. Throws ValueError for a
// prompt that is empty or too long or for modalities besides text, std::out_of_range
// for an id outside the vocabulary.
[[nodiscard]] std::vector<GenerateResult> generate_batch(
    OmniModel model,
    const BatchRequest& request);

// The same checks for one prompt.
void check_prompt(const OmniModel& model, const std::vector<int64_t>& prompt);

} // namespace omni
