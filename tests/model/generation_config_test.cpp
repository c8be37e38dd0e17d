// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/generation_config.h"

#include "omni/core/errors.h"
#include "tests/support/catch.h"

namespace omni {

TEST_CASE("a generation_config.json as published is read") {
  const GenerationConfig config = parse_generation_config(R"({
    "bos_token_id": 1, "do_sample": true, "eos_token_id": [151645, 151643],
    "pad_token_id": null, "repetition_penalty": 1.05, "temperature": 0.7,
    "top_k": 20, "top_p": 0.8, "transformers_version": "4.51.0"})");
  CHECK(config.eos_ids == std::vector<int64_t>{151645, 151643});
  CHECK(config.sampling.temperature == 0.7);
  CHECK(config.sampling.top_k == 20);
  CHECK(config.sampling.top_p == 0.8);
  CHECK(config.sampling.repetition_penalty == 1.05);
  CHECK_FALSE(config.sampling.min_p);
  CHECK_FALSE(config.sampling.image_temperature);
}

TEST_CASE("without sampling the most likely id is taken") {
  const auto config =
      parse_generation_config(R"({"do_sample": false, "temperature": 0.7})");
  CHECK(config.sampling.temperature == 0.0);
  CHECK(config.eos_ids.empty());
  CHECK_FALSE(parse_generation_config("{}").sampling.temperature);
}

TEST_CASE("a published file that leaves sampling out means what transformers does") {
  const auto published = [](const char* json) {
    return parse_generation_config(json, "file", GenerationDefaults::Published)
        .sampling;
  };
  CHECK(published("{}").temperature == 0.0);
  CHECK(published(R"({"temperature": 0.7})").temperature == 0.0);
  CHECK(published(R"({"do_sample": true})").temperature == 1.0);
  CHECK(published(R"({"do_sample": true})").top_k == 50);
  CHECK(published(R"({"do_sample": true, "top_k": 0})").top_k == 0);
  // What was read so is written so that it is read so again.
  GenerationConfig config;
  config.sampling = published(R"({"do_sample": true, "temperature": 0.6})");
  const std::string written = generation_config_to_json(config);
  CHECK(published(written.c_str()).temperature == 0.6);
}

TEST_CASE("stop strings are one or several") {
  CHECK(
      parse_generation_config(R"({"stop_strings": "a"})").sampling.stop ==
      std::vector<std::string>{"a"});
  const auto several = parse_generation_config(R"({"stop_strings": ["a", "b"]})");
  CHECK(several.sampling.stop == std::vector<std::string>{"a", "b"});
  CHECK(
      parse_generation_config(generation_config_to_json(several)).sampling.stop ==
      several.sampling.stop);
}

TEST_CASE("what is written is read back") {
  GenerationConfig config;
  config.eos_ids = {3};
  config.sampling.image_temperature = 0.0;
  config.sampling.image_guidance_scale = 2.5;
  config.sampling.top_k = 4;
  const GenerationConfig read =
      parse_generation_config(generation_config_to_json(config));
  CHECK(read.eos_ids == config.eos_ids);
  CHECK(read.sampling.image_temperature == 0.0);
  CHECK(read.sampling.image_guidance_scale == 2.5);
  CHECK(read.sampling.top_k == 4);
  CHECK_FALSE(read.sampling.temperature);
  config.eos_ids.clear();
  CHECK(parse_generation_config(generation_config_to_json(config)).eos_ids.empty());
}

TEST_CASE("a wrong generation_config.json is refused by key") {
  const auto refuses = [](const char* json, const char* expected) {
    INFO(json);
    CHECK_THROWS_WITH(parse_generation_config(json), omni::testing::Contains(expected));
  };
  refuses(R"({"temperature": "hot"})", "temperature");
  refuses(R"({"temperature": -1})", "expected temperature in [0, 100], got -1");
  refuses(R"({"top_k": 0.5})", "top_k");
  refuses(R"({"top_p": 0})", "expected top_p in");
  refuses(R"({"image_guidance_scale": 1e9})", "image_guidance_scale");
  refuses(R"({"eos_token_id": "x"})", "eos_token_id");
  refuses(R"({"eos_token_id": [1, "x"]})", "eos_token_id");
  refuses(R"({"do_sample": 1})", "do_sample");
  refuses(R"({"stop_strings": [1]})", "stop_strings");
  refuses(R"({"stop_strings": ""})", "stop strings that are not empty");
  CHECK_THROWS_AS(parse_generation_config("{"), IoError);
  refuses("[]", "expected the document an object, got a list");
}

} // namespace omni
