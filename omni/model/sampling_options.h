// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How ids are drawn and when generation ends. Plain values; what a request leaves open
// is what the model's folder recommends, and else the neutral value named beside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "omni/model/token_sequence.h"

namespace omni {

struct SamplingOptions {
  std::optional<double> temperature; // 0: always the most likely id; neutral 0
  std::optional<int64_t> top_k; // neutral 0: all
  std::optional<double> top_p; // nucleus mass in (0, 1]; neutral 1
  std::optional<double> min_p; // share of the largest probability, in [0, 1); neutral 0
  // On ids of the prompt and text ids of the answer, as in transformers; neutral 1.
  std::optional<double> repetition_penalty;
  // Off the logit of a text id that the answer has, and off it for each time that it
  // has it; usually in [-2, 2]; neutral 0.
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<double> image_temperature; // of image codes; neutral 1
  std::optional<double> image_guidance_scale; // classifier-free guidance; neutral 1
  std::optional<double> speech_temperature; // neutral 0
  uint64_t seed = 0; // same seed, same ids
  // Neutral for a published model, which may think at length: none, so that its text
  // ends with the turn or the context. For one of ours, which is small and may fall
  // into a loop: 256.
  std::optional<int64_t> max_text_tokens;
  int64_t max_images = 1;
  int64_t max_speech_codes = 750; // 30 s at 25 codes a second
  std::vector<std::string> stop; // text ends before the first of these
  // What may come out. Empty: text, and pictures where the model decides to draw.
  // {Image}: a picture at once. {Speech}: text, then the speech that says it.
  std::vector<Modality> modalities;
};

// Throws ValueError naming the field and its range.
void check_sampling_options(const SamplingOptions& options);

// `options`, with `defaults` where it leaves open how ids are drawn.
[[nodiscard]] SamplingOptions with_defaults(
    SamplingOptions options,
    const SamplingOptions& defaults);

} // namespace omni
