// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/sampling_options.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "omni/model/sampling_fields.h"

namespace omni {
namespace {

// A NaN fails every comparison, so the checks are written to pass, not to fail.
void check_range(
    const char* field,
    std::optional<double> given,
    double low,
    double high) {
  const double value = given.value_or(low);
  TORCH_CHECK_VALUE(
      value >= low && value <= high, "[sampling] expected ", field, " in [", low, ", ",
      high, "], got ", value, ".");
}

} // namespace

void check_sampling_options(const SamplingOptions& options) {
  constexpr double kMany = 1e9;
  check_range("temperature", options.temperature, 0.0, 100.0);
  check_range("image_temperature", options.image_temperature, 0.0, 100.0);
  check_range("speech_temperature", options.speech_temperature, 0.0, 100.0);
  check_range("top_k", static_cast<double>(options.top_k.value_or(0)), 0.0, kMany);
  check_range("top_p", options.top_p, 1e-6, 1.0);
  TORCH_CHECK_VALUE(
      options.min_p.value_or(0.0) >= 0.0 && options.min_p.value_or(0.0) < 1.0,
      "[sampling] expected min_p in [0, 1), got ", options.min_p.value_or(0.0), ".");
  check_range("repetition_penalty", options.repetition_penalty, 0.01, 100.0);
  check_range("presence_penalty", options.presence_penalty, -kMany, kMany);
  check_range("frequency_penalty", options.frequency_penalty, -kMany, kMany);
  check_range("image_guidance_scale", options.image_guidance_scale, 0.0, 100.0);
  check_range(
      "max_text_tokens", static_cast<double>(options.max_text_tokens.value_or(0)), 0.0,
      kMany);
  check_range("max_images", static_cast<double>(options.max_images), 0.0, kMany);
  check_range(
      "max_speech_codes", static_cast<double>(options.max_speech_codes), 0.0, kMany);
  for (const Modality modality : options.modalities) {
    TORCH_CHECK_VALUE(
        modality == Modality::Text || modality == Modality::Image ||
            modality == Modality::Speech,
        "[sampling] expected modalities of an answer among text, image, speech, got ",
        modality_name(modality), ".");
  }
  TORCH_CHECK_VALUE(
      std::none_of(
          options.stop.begin(), options.stop.end(),
          [](const std::string& text) { return text.empty(); }),
      "[sampling] expected stop strings that are not empty.");
}

SamplingOptions with_defaults(
    SamplingOptions options,
    const SamplingOptions& defaults) {
  visit_open_fields([&](const char* /*name*/, auto SamplingOptions::*field) {
    if (!(options.*field)) {
      options.*field = defaults.*field;
    }
  });
  if (options.stop.empty()) {
    options.stop = defaults.stop;
  }
  return options;
}

} // namespace omni
