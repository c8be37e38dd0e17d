// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/omni_config.h"

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using omni::testing::Contains;

// The tiny model's configuration with the first `old_text` replaced.
std::string with(const std::string& old_text, const std::string& new_text) {
  std::string json = testing::tiny_config_json();
  const size_t at = json.find(old_text);
  REQUIRE(at != std::string::npos);
  return json.replace(at, old_text.size(), new_text);
}

} // namespace

TEST_CASE("a configuration is written as it is read") {
  const OmniConfig config = parse_config(testing::tiny_config_json());
  CHECK(config.transformer->layers.size() == 2);
  CHECK(config.transformer->layers[1].rotary.axis_layout == AxisLayout::Sectioned);
  CHECK(config.vision->dense_head->labels.size() == 2);
  const std::string written = config_to_json(config);
  CHECK(config_to_json(parse_config(written)) == written);
  CHECK(*parse_config(written).transformer == *config.transformer);
  // Equal layers are one entry.
  CHECK_THAT(written, Contains("\"repeat\": 2"));
  OmniConfig other = config;
  other.transformer->layers[1].sliding_window = 7;
  const OmniConfig again = parse_config(config_to_json(other));
  CHECK(again.transformer->layers[0].sliding_window == 0);
  CHECK(again.transformer->layers[1].sliding_window == 7);
}

TEST_CASE("a part that is left out is absent") {
  const OmniConfig config = parse_config(R"({"name": "empty"})");
  CHECK_FALSE(config.transformer);
  CHECK_FALSE(config.vision);
  CHECK_FALSE(config.vocoder);
  CHECK(config.name == "empty");
  CHECK_FALSE(parse_config(R"({"audio": null})").audio);
  // Nor is there a vocabulary, and that is written and read back.
  const std::string written = config_to_json(config);
  CHECK(config_to_json(parse_config(written)) == written);
}

TEST_CASE("a key that is unknown, wrong or twice is named by its path") {
  struct Case {
    std::string json;
    std::string error;
  };
  const Case cases[] = {
      {with("\"width\": 32", "\"widht\": 32"),
       "`transformer.widht` is not a key we know. Known here: "},
      {with("\"num_heads\": 4", "\"num_heds\": 4"), "`transformer.layers[0].num_heds`"},
      {with("\"name\"", "\"nmae\""), "`nmae` is not a key we know"},
      {with("\"width\": 32", "\"width\": \"32\""),
       "expected `transformer.width` an integer, got \"32\"."},
      {with("\"width\": 32", "\"width\": 32.5"), "`transformer.width` an integer"},
      {with("\"has_qk_norm\": true", "\"has_qk_norm\": 1"), "true or false, got 1."},
      {with("\"sectioned\"", "\"diagonal\""),
       "`transformer.layers[0].rotary.axis_layout` one of one_axis, sectioned, "
       "interleaved"},
      {with("\"repeat\": 2", "\"repeat\": 0"), "1 to 4096 layers, got 0."},
      {with("\"repeat\": 2", "\"repeat\": 100000"), "got 100000."},
      {with("\"vision\": {", "\"vision\": [{"), ""},
      {"[1]", "expected the file an object, got [1]."},
  };
  for (const Case& of : cases) {
    INFO(of.error);
    if (of.error.empty()) {
      CHECK_THROWS(parse_config(of.json));
      continue;
    }
    CHECK_THROWS_AS(parse_config(of.json), ValueError);
    CHECK_THROWS_WITH(parse_config(of.json), Contains(of.error));
  }
}

TEST_CASE("text that is no JSON, or has a key twice, is refused") {
  CHECK_THROWS_WITH(
      parse_config(with("\"width\": 32", "\"width\": 32, \"width\": 64")),
      Contains("[config] the configuration: the key \"width\" occurs twice."));
  CHECK_THROWS_WITH(parse_config("{"), Contains("is not valid JSON at byte 2"));
  CHECK_THROWS_WITH(
      parse_config(std::string(1000, '[')), Contains("nested deeper than 64"));
  const test::TemporaryFolder folder;
  const auto path = folder / "config.json";
  write_file(path, "{\"name\": \"a\", \"name\": \"b\"}");
  CHECK_THROWS_AS(read_config(path), IoError);
  CHECK_THROWS_WITH(
      read_config(path), Contains("config.json: the key \"name\" occurs twice."));
  write_file(path, "{\"nmae\": \"a\"}");
  CHECK_THROWS_WITH(read_config(path), Contains("config.json") && Contains("`nmae`"));
  CHECK_THROWS_WITH(read_config(folder / "absent.json"), Contains("absent.json"));
}

TEST_CASE("parts that do not fit together are refused by name") {
  OmniConfig config = parse_config(testing::tiny_config_json());
  const auto error_of = [&](const auto& change) {
    OmniConfig changed = config;
    change(changed);
    try {
      check_config(changed);
    } catch (const ValueError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK_THAT(
      error_of([](auto& c) { c.vision->projector.input_width = 63; }),
      Contains("[config] expected `vision.projector.input_width` 64") &&
          Contains("got 63."));
  CHECK_THAT(
      error_of([](auto& c) { c.vision->processor.merge = 1; }),
      Contains("agree on patch_size and merge"));
  CHECK_THAT(
      error_of([](auto& c) { c.vision->projector.merge = 2; }),
      Contains("`vision.projector.merge` 1"));
  CHECK_THAT(
      error_of([](auto& c) { c.audio->projector.input_width = 17; }),
      Contains("`audio.projector.input_width` 16"));
  CHECK_THAT(
      error_of([](auto& c) { c.audio->processor.num_mels = 80; }),
      Contains("agree on num_mels"));
  CHECK_THAT(
      error_of([](auto& c) { c.audio->projector.output_width = 33; }),
      Contains("output_width to be the transformer's width 32"));
  CHECK_THAT(
      error_of([](auto& c) { c.transformer->vocab_size += 1; }),
      Contains("expected `token_space.vocab_size`"));
  CHECK_THAT(
      error_of([](auto& c) {
        c.image_codec->levels = {4, 5};
      }),
      Contains("expected the image segment to have 20 ids, one a code, got 16."));
  CHECK_THAT(
      error_of([](auto& c) {
        c.speech_codec->levels = {4, 3};
      }),
      Contains("speech segment to have 12 ids, one a code, got 16."));
}

TEST_CASE("sound has as many rows a second as its strides say") {
  OmniConfig config = parse_config(testing::tiny_config_json());
  CHECK(config.audio->rows_per_second() == Approx(12.5));
  config.audio->projector.merge = 1;
  CHECK(config.audio->rows_per_second() == Approx(25.0));
}

} // namespace omni
