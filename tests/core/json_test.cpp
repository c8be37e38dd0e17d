// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/json.h"

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace omni {
namespace {

using omni::testing::Contains;
using omni::testing::EndsWith;

Json parse(std::string_view text, const JsonLimits& limits = {}) {
  return parse_json(text, "config", "config.json", limits);
}

TEST_CASE("a document is read as it is written") {
  const Json json = parse(
      R"({"a": [1, -2, 3.5, true, false, null, "\u00e9\ud83d\ude00"], "b": {}, "": []})");
  CHECK(json["a"].size() == 7);
  CHECK(json["a"][2] == 3.5);
  CHECK(json["a"][6] == "é😀");
  CHECK(parse("3") == 3);
  CHECK(parse("18446744073709551615").get<uint64_t>() == UINT64_MAX);
}

TEST_CASE("what is no sound JSON is refused with its cause") {
  struct Case {
    std::string text;
    std::string cause;
  };
  const Case cases[] = {
      {"", "is not valid JSON at byte 1."},
      {"{", "is not valid JSON at byte 2."},
      {"{\"a\": 1", "is not valid JSON"},
      {"{\"a\": 1,}", "is not valid JSON at byte 9."},
      {"{'a': 1}", "is not valid JSON"},
      {"{\"a\": NaN}", "is not valid JSON"},
      {"{\"a\": Infinity}", "is not valid JSON"},
      {"{\"a\": 01}", "is not valid JSON"},
      {"{\"a\": 0x1}", "is not valid JSON"},
      {"{\"a\": 1} x", "is not valid JSON"},
      {"// c\n1", "is not valid JSON"},
      {"\"\xFF\"", "is not valid JSON"},
      {"\"\xED\xA0\x80\"", "is not valid JSON"},
      {"\"\\ud800\"", "is not valid JSON"},
      {"\"a\nb\"", "is not valid JSON"},
      {"1e999", "a number is too large."},
      {"[-1e999]", "a number is too large."},
      {"{\"a\": 1, \"a\": 1}", "the key \"a\" occurs twice."},
      {"{\"x\": {\"a\": 1, \"\\u0061\": 2}}", "the key \"a\" occurs twice."},
      {"[{\"k\": [{\"b\": 1, \"b\": 2}]}]", "the key \"b\" occurs twice."},
      {std::string(65, '['), "is nested deeper than 64."},
      {std::string(1'000'000, '['), "is nested deeper than 64."},
  };
  for (const Case& c : cases) {
    INFO(c.text.substr(0, 80));
    CHECK_THROWS_AS(parse(c.text), IoError);
    CHECK_THROWS_WITH(parse(c.text), Contains("[config] config.json: " + c.cause));
  }
  // The same key in two objects is no repetition.
  CHECK(parse(R"([{"a": 1}, {"a": {"a": 2}}])")[1]["a"]["a"] == 2);
}

TEST_CASE("an ordered document is checked alike and keeps the order of its keys") {
  const auto parse_ordered = [](const char* text) {
    return parse_ordered_json(text, "config", "config.json");
  };
  CHECK(
      parse_ordered(R"({"b": 1, "a": {"z": 2, "y": 3}})").dump() ==
      R"({"b":1,"a":{"z":2,"y":3}})");
  CHECK_THROWS_WITH(
      parse_ordered(R"({"b": {"a": 1, "a": 2}})"),
      Contains("[config] config.json: the key \"a\" occurs twice."));
  CHECK_THROWS_WITH(parse_ordered("{]"), Contains("is not valid JSON at byte 2."));
}

TEST_CASE("limits hold") {
  CHECK(parse("[[1]]", {.max_depth = 2}).size() == 1);
  CHECK_THROWS_WITH(parse("[[1]]", {.max_depth = 1}), Contains("nested deeper than 1"));
  CHECK(parse("[1, 2, {}]", {.max_values = 4}).size() == 3);
  CHECK_THROWS_WITH(
      parse("[1, 2, {}]", {.max_values = 3}), Contains("more than 3 values"));
  // Commas of strings are no values.
  CHECK(parse(R"(["a,,\",,", 2])", {.max_values = 3}).size() == 2);
  CHECK(parse(R"({"a,,\\": "b,,"})", {.max_values = 2}).size() == 1);
  CHECK_THROWS_WITH(
      parse("[1, 2, 3, 4, 5", {.max_values = 4}), Contains("more than 4 values"));
  CHECK_THROWS_WITH(
      parse("{\"long\": 1}", {.max_key_bytes = 3}), Contains("a key of 4 bytes"));
}

TEST_CASE("a file is named in its errors") {
  const test::TemporaryFolder folder;
  const auto path = folder.path / "x.json";
  write_file(path, "[1]");
  CHECK(read_json(path, "config")[0] == 1);
  write_file(path, "[1");
  CHECK_THROWS_WITH(read_json(path, "config"), Contains("x.json: is not valid JSON"));
  CHECK_THROWS_WITH(read_json(path, "config", 1), Contains("at most 1 bytes"));
}

TEST_CASE("typed values") {
  const Json json = parse(R"({
      "n": 3, "x": 2.5, "yes": true, "name": "s", "none": null, "ids": [1, 2],
      "words": ["a"], "inner": {"width": 4}, "list": [{"k": 1}, {"k": 2}]})");
  const JsonObject object(json, "config");
  CHECK(object.integer("n") == 3);
  CHECK(object.integer("n", 3) == 3);
  CHECK(object.number("n") == 3.0);
  CHECK(object.number("x") == 2.5);
  CHECK(object.boolean("yes"));
  CHECK(object.string("name") == "s");
  CHECK(object.integers("ids") == std::vector<int64_t>{1, 2});
  CHECK(object.strings("words") == std::vector<std::string>{"a"});
  CHECK(object.object("inner").integer("width") == 4);
  CHECK(object.objects("list")[1].integer("k") == 2);
  CHECK_FALSE(object.has("none"));
  CHECK_FALSE(object.has("missing"));
  CHECK(object.integer_or("none", 7) == 7);
  CHECK(object.number_or("missing", 0.5) == 0.5);
  CHECK(object.boolean_or("missing", true));
  CHECK(object.string_or("name", "t") == "s");
}

TEST_CASE("a wrong value is named by its path") {
  const Json json = parse(
      R"({
      "transformer": {"width": "x", "layers": [{"span": 1.5}, 2], "rate": true,
        "big": 18446744073709551615, "ids": [1, "a"], "words": ["a", null],
        "depth": 0, "text": ")" +
      std::string(100, 'y') + R"("}})");
  const JsonObject object = JsonObject(json, "config").object("transformer");
  const auto error = [](const auto& read) {
    try {
      read();
    } catch (const ValueError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(
      error([&] { (void)object.integer("width", 1); }) ==
      "[config] expected `transformer.width` a whole number from 1, got \"x\".");
  CHECK(error([&] {
          (void)object.integer("depth", 1);
        }) == "[config] expected `transformer.depth` a whole number from 1, got 0.");
  CHECK(error([&] {
          (void)object.integer("height");
        }) == "[config] expected `transformer.height` a whole number, got nothing.");
  CHECK_THAT(
      error([&] { (void)object.integer("big"); }),
      EndsWith("got 18446744073709551615."));
  CHECK_THAT(
      error([&] { (void)object.integer_or("width", 3); }), Contains("got \"x\""));
  CHECK(error([&] {
          (void)object.number("rate");
        }) == "[config] expected `transformer.rate` a number, got true.");
  CHECK_THAT(error([&] { (void)object.boolean("width"); }), Contains("true or false"));
  CHECK_THAT(error([&] { (void)object.string("layers"); }), EndsWith("got a list."));
  CHECK_THAT(
      error([&] { (void)object.object("width"); }), Contains("an object, got \"x\""));
  CHECK_THAT(
      error([&] { (void)object.objects("layers"); }),
      Contains("`transformer.layers[1]` an object, got 2"));
  CHECK_THAT(
      error([&] { (void)object.integers("ids"); }), Contains("`transformer.ids[1]`"));
  CHECK_THAT(
      error([&] { (void)object.strings("words"); }),
      Contains("`transformer.words[1]` a string, got null"));
  CHECK_THAT(
      error([&] { (void)object.integers("rate"); }),
      Contains("a list of whole numbers"));
  CHECK(error([&] { (void)object.integer("text"); }).size() < 160);
  CHECK(error([&] {
          (void)JsonObject(json["transformer"]["ids"], "config");
        }) == "[config] expected the document an object, got a list.");
}

TEST_CASE("unknown keys are listed together") {
  const Json json = parse(R"({"a": {"widht": 1, "depth": 2, "colour": 3}})");
  const JsonObject object = JsonObject(json, "config").object("a");
  object.reject_unknown_keys({"widht", "depth", "colour", "other"});
  CHECK_THROWS_WITH(
      object.reject_unknown_keys({"width", "depth"}),
      "[config] expected keys among depth, width, got `a.colour`, `a.widht`.");
}

} // namespace
} // namespace omni
