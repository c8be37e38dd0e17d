// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/generation_config.h"

#include "omni/core/errors.h"
#include "tests/support/catch.h"

namespace omni {

TEST_CASE("a generation_config.json as published is read") {
  const GenerationConfig config = parse_generation_config(R"({
    "bos_token_id": 1, "do_sample": true, "eos_token_id": [151645, 151643],
    "pad_token_id": null, "presence_penalty": 1.5, "repetition_penalty": 1.05,
    "frequency_penalty": -0.5, "temperature": 0.7,
    "top_k": 20, "top_p": 0.8, "transformers_version": "4.51.0"})");
  CHECK(config.eos_ids == std::vector<int64_t>{151645, 151643});
  CHECK(config.sampling.temperature == 0.7);
  CHECK(config.sampling.top_k == 20);
  CHECK(config.sampling.top_p == 0.8);
  CHECK(config.sampling.repetition_penalty == 1.05);
  CHECK(config.sampling.presence_penalty == 1.5);
  CHECK(config.sampling.frequency_penalty == -0.5);
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

TEST_CASE("a published file says the limit of text") {
  CHECK(
      parse_generation_config(R"({"max_new_tokens": 2048})").sampling.max_text_tokens ==
      2048);
  CHECK_FALSE(parse_generation_config("{}").sampling.max_text_tokens);
  GenerationConfig config;
  config.sampling.max_text_tokens = 9;
  const std::string written = generation_config_to_json(config);
  CHECK(parse_generation_config(written).sampling.max_text_tokens == 9);
}

TEST_CASE("a published file that still says the same stays as it came") {
  for (const char* json :
       {R"({"do_sample":false,"temperature":0.7,"transformers_version":"4.51.0"})",
        R"({"do_sample": true, "temperature": 0.6, "pad_token_id": 0})",
        R"({"eos_token_id": [2, 3], "cache_implementation": "hybrid"})",
        R"({"stop_strings": ["a"], "max_new_tokens": 7, "nested": {"a": [1.50]}})",
        "{}"}) {
    const GenerationConfig config =
        parse_generation_config(json, "file", GenerationDefaults::Published);
    CHECK(update_generation_config(json, config, config) == json);
  }
}

TEST_CASE("a published file with other sampling keeps its keys and is read back") {
  const auto parse = [](const std::string& json) {
    return parse_generation_config(json, "file", GenerationDefaults::Published);
  };
  const char* files[] = {
      "{}",
      R"({"pad_token_id": 5, "do_sample": false, "temperature": 0.7, "top_k": 20})",
      R"({"pad_token_id": 5, "do_sample": true, "temperature": 0.7, "top_p": 0.9})",
      R"({"pad_token_id": 5, "do_sample": true, "max_new_tokens": 4})"};
  std::vector<SamplingOptions> wishes(6);
  wishes[1].temperature = 0.0;
  wishes[2].temperature = 0.5;
  wishes[3].temperature = 0.7;
  wishes[3].top_k = 20;
  wishes[4].temperature = 1.0;
  wishes[4].top_k = 50;
  wishes[4].max_text_tokens = 8;
  wishes[5].top_p = 0.8;
  wishes[5].min_p = 0.1;
  wishes[5].stop = {"a"};
  for (const char* file : files) {
    for (size_t i = 0; i < wishes.size(); ++i) {
      INFO(file << ", wish " << i);
      const SamplingOptions& wish = wishes[i];
      const std::string written =
          update_generation_config(file, parse(file), {wish, {2}});
      INFO(written);
      const GenerationConfig read = parse(written);
      CHECK(read.eos_ids == std::vector<int64_t>{2});
      CHECK(read.sampling.temperature == wish.temperature.value_or(0.0));
      CHECK(read.sampling.max_text_tokens == wish.max_text_tokens);
      CHECK(read.sampling.top_p == wish.top_p);
      CHECK(read.sampling.min_p == wish.min_p);
      CHECK(read.sampling.stop == wish.stop);
      if (read.sampling.temperature > 0.0) {
        CHECK(read.sampling.top_k == wish.top_k.value_or(0));
      }
      const bool has_pad = std::string(file).find("pad_token_id") != std::string::npos;
      CHECK((written.find("\"pad_token_id\": 5") != std::string::npos) == has_pad);
    }
  }
  // Whether it draws is `do_sample`; the temperature that it would draw with stays.
  SamplingOptions greedy;
  greedy.temperature = 0.0;
  const std::string written =
      update_generation_config(files[2], parse(files[2]), {greedy, {}});
  CHECK(parse_generation_config(written).sampling.temperature == 0.0);
  CHECK_THAT(written, omni::testing::Contains("\"temperature\": 0.7"));
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
  refuses(R"({"max_new_tokens": -1})", "expected `max_new_tokens` a whole number");
  refuses(R"({"top_p": 0})", "expected top_p in");
  refuses(R"({"image_guidance_scale": 1e9})", "image_guidance_scale");
  refuses(R"({"presence_penalty": "low"})", "presence_penalty");
  refuses(R"({"frequency_penalty": 1e300})", "expected frequency_penalty in");
  refuses(R"({"eos_token_id": "x"})", "eos_token_id");
  refuses(R"({"eos_token_id": [1, "x"]})", "eos_token_id");
  refuses(R"({"do_sample": 1})", "do_sample");
  refuses(R"({"stop_strings": [1]})", "stop_strings");
  refuses(R"({"stop_strings": ""})", "stop strings that are not empty");
  CHECK_THROWS_AS(parse_generation_config("{"), IoError);
  refuses("[]", "expected the document an object, got a list");
}

} // namespace omni
