// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <chrono>
#include <functional>

#include "omni/core/errors.h"
#include "tests/support/catch.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tests/tokenizers/text/tokenizer_documents.h"
#include "tokenizers/text/json_tokenizer.h"

namespace omni {
namespace {

using omni::testing::Contains;

std::string spoiled(const std::function<void(Json&)>& spoil) {
  Json document = test::byte_level_document();
  spoil(document);
  return document.dump();
}

std::string with_field(const char* pointer, const Json& value) {
  return spoiled(
      [&](Json& document) { document[Json::json_pointer(pointer)] = value; });
}

std::string with_vocab(const std::string& text) {
  return R"({"model": {"type": "BPE", "merges": [], "vocab": )" + text + "}}";
}

std::string with_merges(const std::string& text) {
  return R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": )" +
      text + "}}";
}

std::string with_added(const Json& token) {
  return spoiled([&](Json& document) { document["added_tokens"].push_back(token); });
}

struct Hostile {
  std::string cause; // part of the message
  std::string bytes;
};

// The file's fault: IoError.
std::vector<Hostile> broken_files() {
  const std::string sound = test::byte_level_document().dump();
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  using namespace std::string_literals;
  return {
      {"not valid JSON at byte 1", ""},
      {"not valid JSON", "{"},
      {"not valid JSON", sound.substr(0, sound.size() / 2)},
      {"not valid JSON", sound.substr(0, sound.size() - 1)},
      {"not valid JSON", "<html>404</html>"},
      {"not valid JSON", "{\"a\": \"\xFF\"}"},
      {"not valid JSON at byte 2", "{}\0"s},
      {"not valid JSON", "{\"a\": 1e999}"},
      {"no JSON object", "[]"},
      {"no JSON object", "3"},
      {"`model`", "{}"},
      {"`model`", R"({"model": 3})"},
      {"with vocab and merges",
       R"({"model": {"type": "BPE"}, "added_tokens": [{"id": 0, "content": "a"}]})"},
      {"tokens in model.vocab, got none", R"({"model": {"type": "BPE"}})"},
      {"`model.type`", with_field("/model/type", 3)},
      {"nested at most 64 deep", R"({"a": )" + deep + "}"},
      {"nested at most 64 deep", std::string(100'000, '[')},
      {"nested at most 64 deep", with_vocab(R"({"a": 0}, "x": )" + deep)},
      {"\"a\" twice", R"({"a": 1, "a": 2})"},
      {"\"vocab\" twice", R"({"model": {"vocab": {}, "vocab": {}}})"},

      {"\"a\" twice", with_vocab(R"({"a": 0, "a": 1})")},
      {"one token for each id", with_vocab(R"({"a": 0, "b": 0})")},
      {"to 4000000, got -1", with_vocab(R"({"a": -1})")},
      {"to 4000000, got 4000001", with_vocab(R"({"a": 4000001})")},
      {"got 18446744073709551615", with_vocab(R"({"a": 18446744073709551615})")},
      {"got 1.5", with_vocab(R"({"a": 1.5})")},
      {"got a string", with_vocab(R"({"a": "0"})")},
      {"got null", with_vocab(R"({"a": null})")},
      {"got a boolean", with_vocab(R"({"a": true})")},
      {"got an object", with_vocab(R"({"a": {}})")},
      {"got a list", with_vocab(R"({"a": [0]})")},
      {"tokens in model.vocab, got none", with_vocab("3")},
      {"tokens in model.vocab, got none", with_vocab(R"([["a", 0]])")},
      {"ids without gaps, got ids to 70000 of 2",
       with_vocab(R"({"a": 0, "b": 70000})")},
      {"ids without gaps", with_vocab(R"({"a": 4000000})")},
      {"tokens of at most 65536",
       with_vocab("{\"" + std::string(70000, 'a') + "\": 0}")},

      {"\"c\" in merge 0", with_merges(R"(["a c"])")},
      {"\"ba\" in merge 1", with_merges(R"(["a b", "b a"])")},
      {"merge 0", with_merges(R"(["ab"])")},
      {"merge 1", with_merges(R"(["a b", "a b c"])")},
      {"got \"a  b\"", with_merges(R"(["a  b"])")},
      {"got 1 strings", with_merges(R"([["a"]])")},
      {"got more than two strings", with_merges(R"([["a", "b", "c"]])")},
      {"got a number", with_merges("[1]")},
      {"got a number", with_merges("[[1, 2]]")},
      {"got an object", with_merges(R"([{"a": "b"}])")},
      {"got null", with_merges("[null]")},
      {"`model.merges`", with_merges("{}")},
      {"`model.merges`", with_merges(R"("a b")")},

      {"`added_tokens`", with_field("/added_tokens", 1)},
      {"`added_tokens[0].content`", with_field("/added_tokens", {{{"id", 0}}})},
      {"`added_tokens[2].id`", with_added(test::added_token("x", -1))},
      {"ids to 4000000", with_added(test::added_token("x", 1LL << 40))},
      {"ids without gaps", with_added(test::added_token("x", 3'000'000))},
      {"of 1 to 4096 bytes", with_added(test::added_token("", 264))},
      {"of 1 to 4096 bytes",
       with_added(test::added_token(std::string(5000, 'x'), 264))},
      {"for 262", with_added(test::added_token("x", 262))},
      {"for 97", with_added(test::added_token("x", 97))},
      {"\"<tool>\" twice", with_added(test::added_token("<tool>", 264))},
      {"97 and 264 for \"a\"", with_added(test::added_token("a", 264))},
      {"`added_tokens[2].special`",
       with_added(test::added_token("x", 264, {{"special", 1}}))},

      {"`normalizer`", with_field("/normalizer", "NFC")},
      {"`normalizer.type`", with_field("/normalizer", Json::object())},
      {"`pre_tokenizer.pretokenizers`",
       with_field("/pre_tokenizer", {{"type", "Sequence"}})},
      {"`pre_tokenizer.pattern`",
       with_field(
           "/pre_tokenizer",
           {{"type", "Split"}, {"behavior", "Isolated"}, {"invert", false}})},
      {"a sound regular expression",
       with_field(
           "/pre_tokenizer",
           {{"type", "Split"},
            {"pattern", {{"Regex", "a**"}}},
            {"behavior", "Isolated"},
            {"invert", false}})},
      {"behavior",
       with_field(
           "/pre_tokenizer",
           {{"type", "Split"},
            {"pattern", {{"String", "a"}}},
            {"behavior", "Sideways"},
            {"invert", false}})},
      {"a pattern that is not empty",
       with_field(
           "/normalizer",
           {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", "a"}})},
      {"`decoder`", with_field("/decoder", 3)},
      {"ids below 264",
       with_field(
           "/post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "x"}, {"type_id", 0}}}},
              {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"special_tokens", {{"x", {{"ids", {264}}}}}}})},
      {"unk_token in the vocabulary", with_field("/model/unk_token", "<unk>")},
  };
}

// Sound, but of a kind that is not supported: ValueError.
std::vector<Hostile> unsupported_files() {
  return {
      {"model BPE, got Unigram", with_field("/model/type", "Unigram")},
      {"model BPE, got WordPiece", with_field("/model/type", "WordPiece")},
      {"model BPE, got WordLevel", with_field("/model/type", "WordLevel")},
      {"without dropout", with_field("/model/dropout", 0.1)},
      {"without continuing_subword_prefix",
       with_field("/model/continuing_subword_prefix", "##")},
      {"without end_of_word_suffix", with_field("/model/end_of_word_suffix", "</w>")},
      {"got Precompiled", with_field("/normalizer", {{"type", "Precompiled"}})},
      {"got BertPreTokenizer",
       with_field("/pre_tokenizer", {{"type", "BertPreTokenizer"}})},
      {"got WordPiece", with_field("/decoder", {{"type", "WordPiece"}})},
      {"got RobertaProcessing",
       with_field("/post_processor", {{"type", "RobertaProcessing"}})},
      {"&& of classes",
       with_field(
           "/pre_tokenizer",
           {{"type", "Split"},
            {"pattern", {{"Regex", "[a&&b]"}}},
            {"behavior", "Isolated"},
            {"invert", false}})},
  };
}

TEST_CASE("a broken tokenizer.json is refused at once, with its cause") {
  const std::vector<Hostile> files = broken_files();
  CHECK(files.size() >= 60);
  for (const Hostile& file : files) {
    INFO(file.cause);
    const auto start = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(tokenizer_from_json(file.bytes, "bad.json"), IoError);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
    CHECK_THROWS_WITH(
        tokenizer_from_json(file.bytes, "bad.json"),
        Contains("[tokenizer] bad.json: expected") && Contains(file.cause));
  }
}

TEST_CASE("a tokenizer.json of another kind is refused by the name of the kind") {
  for (const Hostile& file : unsupported_files()) {
    INFO(file.cause);
    CHECK_THROWS_AS(tokenizer_from_json(file.bytes, "other.json"), ValueError);
    CHECK_THROWS_WITH(
        tokenizer_from_json(file.bytes, "other.json"),
        Contains("[tokenizer] other.json: expected") && Contains(file.cause));
  }
}

TEST_CASE("any damage to a file is an error or a tokenizer that works") {
  std::mt19937 random(12);
  const std::string documents[] = {
      test::byte_level_document().dump(), test::fallback_document().dump()};
  int num_sound = 0;
  for (int trial = 0; trial < 600; ++trial) {
    std::string bytes = documents[trial % 2];
    for (size_t change = 0; change < 1 + random() % 3; ++change) {
      bytes[random() % bytes.size()] = "{}[]\",:0129aeu\\x<"[random() % 17];
    }
    try {
      const auto tokenizer = tokenizer_from_json(bytes, "damaged");
      static_cast<void>(tokenizer->encode("the 빨간 <tool> ab b…", true));
      ++num_sound;
    } catch (const IoError&) {
    } catch (const ValueError&) {
    }
  }
  CHECK(num_sound > 20);
}

TEST_CASE("a pattern that would not end gives up on the text, not on the program") {
  Json document = test::byte_level_document();
  document["pre_tokenizer"] = {
      {"type", "Split"},
      {"pattern", {{"Regex", "(a+)+[bc]"}}},
      {"behavior", "Isolated"},
      {"invert", false}};
  const auto tokenizer = test::tokenizer(document);
  CHECK_FALSE(tokenizer->encode("short").empty());
  const auto start = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(tokenizer->encode(std::string(40, 'a')), IoError);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

} // namespace
} // namespace omni
