// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/sampling_options.h"

#include <cmath>
#include <functional>

#include "tests/support/catch.h"

namespace omni {

TEST_CASE("default options and the ends of every range are accepted") {
  CHECK_NOTHROW(check_sampling_options({}));
  SamplingOptions options;
  options.temperature = 100.0;
  options.top_p = 1e-6;
  options.min_p = 0.999;
  options.presence_penalty = -2.0;
  options.frequency_penalty = 1000.0;
  options.max_text_tokens = 0;
  options.modalities = {Modality::Text, Modality::Image, Modality::Speech};
  CHECK_NOTHROW(check_sampling_options(options));
}

TEST_CASE("an option outside its range is named") {
  struct Case {
    const char* field;
    std::function<void(SamplingOptions&)> set;
  };
  const Case cases[] = {
      {"temperature", [](auto& o) { o.temperature = -0.1; }},
      {"temperature", [](auto& o) { o.temperature = std::nan(""); }},
      {"image_temperature", [](auto& o) { o.image_temperature = 101.0; }},
      {"speech_temperature", [](auto& o) { o.speech_temperature = -1.0; }},
      {"top_k", [](auto& o) { o.top_k = -1; }},
      {"top_p", [](auto& o) { o.top_p = 0.0; }},
      {"top_p", [](auto& o) { o.top_p = 1.01; }},
      {"min_p", [](auto& o) { o.min_p = -0.5; }},
      {"min_p", [](auto& o) { o.min_p = 1.0; }}, // nothing but the likeliest: top_k 1
      {"repetition_penalty", [](auto& o) { o.repetition_penalty = 0.0; }},
      {"presence_penalty", [](auto& o) { o.presence_penalty = std::nan(""); }},
      {"frequency_penalty", [](auto& o) { o.frequency_penalty = -INFINITY; }},
      {"image_guidance_scale", [](auto& o) { o.image_guidance_scale = INFINITY; }},
      {"max_text_tokens", [](auto& o) { o.max_text_tokens = -1; }},
      {"max_images", [](auto& o) { o.max_images = -1; }},
      {"max_speech_codes", [](auto& o) { o.max_speech_codes = -1; }},
      {"modalities of an answer among text, image, speech, got video",
       [](auto& o) { o.modalities = {Modality::Video}; }},
      {"stop strings that are not empty",
       [](auto& o) {
         o.stop = {"a", ""};
       }},
  };
  for (const Case& of : cases) {
    SamplingOptions options;
    of.set(options);
    INFO(of.field);
    CHECK_THROWS_WITH(
        check_sampling_options(options),
        omni::testing::Contains(std::string("[sampling] expected ") + of.field));
  }
}

TEST_CASE("a request's values win over the model's, which win over what is left open") {
  SamplingOptions defaults;
  defaults.temperature = 0.6;
  defaults.top_k = 20;
  defaults.image_guidance_scale = 2.0;
  defaults.seed = 9;
  SamplingOptions request;
  request.temperature = 0.0;
  request.top_p = 0.9;
  request.max_text_tokens = 5;
  const SamplingOptions filled = with_defaults(request, defaults);
  CHECK(filled.temperature == 0.0);
  CHECK(filled.top_k == 20);
  CHECK(filled.top_p == 0.9);
  CHECK(filled.image_guidance_scale == 2.0);
  CHECK_FALSE(filled.min_p);
  CHECK_FALSE(filled.speech_temperature);
  CHECK(filled.seed == 0); // not a matter of the model
  CHECK(filled.max_text_tokens == 5);
}

} // namespace omni
