// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The fields of SamplingOptions that a request may leave open, by their keys in
// generation_config.json. Internal.
#pragma once

#include "omni/model/sampling_options.h"

namespace omni {

// Calls visit(key, pointer to the field) for each.
template <class Visit>
void visit_open_fields(const Visit& visit) {
  visit("temperature", &SamplingOptions::temperature);
  visit("top_k", &SamplingOptions::top_k);
  visit("top_p", &SamplingOptions::top_p);
  visit("min_p", &SamplingOptions::min_p);
  visit("repetition_penalty", &SamplingOptions::repetition_penalty);
  visit("presence_penalty", &SamplingOptions::presence_penalty);
  visit("frequency_penalty", &SamplingOptions::frequency_penalty);
  visit("image_temperature", &SamplingOptions::image_temperature);
  visit("image_guidance_scale", &SamplingOptions::image_guidance_scale);
  visit("speech_temperature", &SamplingOptions::speech_temperature);
  visit("max_new_tokens", &SamplingOptions::max_text_tokens);
}

} // namespace omni
