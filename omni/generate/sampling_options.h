// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How ids are drawn and when generation ends. Plain values with neutral defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "omni/model/token_sequence.h"

namespace omni {

struct SamplingOptions {
  double temperature = 0.0; // 0: always the most likely id
  int64_t top_k = 0; // 0: all
  double top_p = 1.0; // nucleus mass in (0, 1]
  double min_p = 0.0; // share of the largest probability, in [0, 1)
  double repetition_penalty = 1.0; // on text ids of the answer so far; 1: none
  uint64_t seed = 0; // same seed, same ids
  int64_t max_text_tokens = 256;
  int64_t max_images = 1;
  int64_t max_speech_codes = 750; // 30 s at 25 codes a second
  double image_temperature = 1.0; // of image codes
  double image_guidance_scale = 1.0; // classifier-free guidance; 1: none
  double speech_temperature = 0.0;
  std::vector<std::string> stop; // text ends before the first of these
  // What may come out. Empty: text, and pictures where the model decides to draw.
  // {Image}: a picture at once. {Speech}: text, then the speech that says it.
  std::vector<Modality> modalities;
};

// Throws ValueError naming the field and its range.
void check_sampling_options(const SamplingOptions& options);

} // namespace omni
