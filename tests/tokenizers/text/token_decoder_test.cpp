// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/token_decoder.h"

#include "tests/support/catch.h"
#include "tests/tokenizers/text/tokenizer_documents.h"
#include "tokenizers/text/byte_level.h"
#include "tokenizers/text/text_frame.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using omni::testing::Contains;

TokenDecoder decoder_of(const Json& document) {
  return test::read_part(
      document, [](const TokenizerJsonPart& part) { return TokenDecoder(part); });
}

std::string bytes_of(const Json& document, const char* token, bool is_first = false) {
  PatternScratch scratch;
  return decoder_of(document).bytes_of(token, is_first, scratch);
}

PostProcessor post_processor_of(const Json& document) {
  return test::read_part(document, read_post_processor);
}

TEST_CASE("every byte has a character of its own") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string character;
    append_character(character, character_of_byte(static_cast<uint8_t>(byte)));
    CHECK(bytes_of_characters(character) == std::string(1, static_cast<char>(byte)));
  }
  CHECK(bytes_of_characters("Ġa") == " a");
  CHECK(bytes_of_characters("ê°Ģ") == "가");
  CHECK(bytes_of_characters("").has_value());
  for (const char* none : {"가", " ", "a b", "\u0144", "\xFF"}) {
    CHECK_FALSE(bytes_of_characters(none).has_value());
  }
}

TEST_CASE("tokens become bytes") {
  CHECK(bytes_of({{"type", "ByteLevel"}}, "Ġthe") == " the");
  CHECK(bytes_of({{"type", "ByteLevel"}}, "ê°") == "\xEA\xB0");
  CHECK(bytes_of({{"type", "ByteLevel"}}, "<｜end▁of｜>") == "<｜end▁of｜>");
  CHECK(bytes_of({{"type", "ByteFallback"}}, "<0xEA>") == "\xEA");
  CHECK(bytes_of({{"type", "ByteFallback"}}, "<0xea>") == "\xEA");
  CHECK(bytes_of({{"type", "ByteFallback"}}, "<0xG0>") == "<0xG0>");
  const Json metaspace = {{"type", "Metaspace"}, {"replacement", "▁"}};
  CHECK(bytes_of(metaspace, "▁a▁b") == " a b");
  CHECK(bytes_of(metaspace, "▁a▁b", true) == "ab");
  const Json never = {
      {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "never"}};
  CHECK(bytes_of(never, "▁a", true) == " a");
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"Regex", "[▁_]"}}}, {"content", " "}};
  CHECK(bytes_of(replace, "▁a_b") == " a b");
  CHECK(bytes_of({{"type", "Fuse"}}, "▁a") == "▁a");
  PatternScratch scratch;
  CHECK(TokenDecoder().bytes_of("a", true, scratch) == "a");
  CHECK(TokenDecoder().bytes_of("a", false, scratch) == " a");
}

TEST_CASE("the decoder of Llama takes the first space away") {
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}};
  const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  const Json sequence = {
      {"type", "Sequence"},
      {"decoders", {replace, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}, strip}}};
  CHECK(bytes_of(sequence, "▁a") == " a");
  CHECK(bytes_of(sequence, "<0x0A>") == "\n");
  CHECK(decoder_of(sequence).strips_first_space());
  CHECK_FALSE(decoder_of(replace).strips_first_space());
}

TEST_CASE("decoders that depend on more than the token are refused by name") {
  const Json fuse = {{"type", "Fuse"}};
  const auto sequence = [](const std::vector<Json>& decoders) {
    return Json{{"type", "Sequence"}, {"decoders", decoders}};
  };
  const auto strip = [](int start, int stop, const char* content) {
    return Json{
        {"type", "Strip"}, {"content", content}, {"start", start}, {"stop", stop}};
  };
  const std::pair<Json, const char*> cases[] = {
      {{{"type", "WordPiece"}}, "WordPiece"},
      {{{"type", "CTC"}}, "CTC"},
      {{{"type", "BPEDecoder"}}, "BPEDecoder"},
      {sequence({fuse, {{"type", "ByteFallback"}}}), "Fuse with nothing but Strip"},
      {sequence({{{"type", "ByteLevel"}}, {{"type", "ByteFallback"}}}),
       "ByteLevel with nothing but"},
      {sequence({strip(1, 0, " ")}), "before it"},
      {sequence({fuse, strip(2, 0, " ")}), "start 2"},
      {sequence({fuse, strip(0, 1, " ")}), "stop 1"},
      {sequence({fuse, strip(1, 0, "x")}), "content \"x\""}};
  for (const auto& [document, cause] : cases) {
    INFO(document.dump());
    CHECK_THROWS_AS(decoder_of(document), UnsupportedTokenizer);
    CHECK_THROWS_WITH(decoder_of(document), Contains(cause) && Contains("test.json"));
  }
  CHECK_NOTHROW(decoder_of(sequence({strip(0, 0, "x")})));
}

TEST_CASE("what is put around a text") {
  const Json special = {
      {"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}},
      {"</s>", {{"id", "</s>"}, {"ids", {2, 3}}, {"tokens", {"a"}}}}};
  const auto piece = [](const char* kind, const char* id) {
    return Json{{kind, {{"id", id}, {"type_id", 0}}}};
  };
  const auto frame = [&](const std::vector<Json>& single) {
    return post_processor_of(
        {{"type", "Sequence"},
         {"processors",
          {{{"type", "ByteLevel"}, {"trim_offsets", false}},
           {{"type", "TemplateProcessing"},
            {"single", single},
            {"pair", Json::array()},
            {"special_tokens", special}}}}});
  };
  const PostProcessor both = frame(
      {piece("SpecialToken", "<s>"), piece("Sequence", "A"),
       piece("SpecialToken", "</s>"), piece("SpecialToken", "<s>")});
  CHECK(both.frame.before == std::vector<int64_t>{1});
  CHECK(both.frame.after == std::vector<int64_t>{2, 3, 1});
  CHECK_FALSE(both.trims_ranges);
  CHECK_THROWS_WITH(frame({piece("SpecialToken", "<s>")}), Contains("one sequence A"));
  CHECK_THROWS_WITH(
      frame({piece("Sequence", "A"), piece("Sequence", "A")}),
      Contains("one sequence"));
  CHECK_THROWS_WITH(frame({piece("Sequence", "B")}), Contains("one sequence A"));
  CHECK_THROWS_WITH(
      frame({piece("SpecialToken", "<x>"), piece("Sequence", "A")}), Contains("<x>"));
  CHECK_THROWS_WITH(
      post_processor_of({{"type", "BertProcessing"}}), Contains("BertProcessing"));
}

TEST_CASE("ranges without their white space") {
  const PostProcessor processor = post_processor_of({{"type", "ByteLevel"}});
  CHECK(processor.trims_ranges);
  CHECK(processor.keeps_first_space);
  const std::string text = "0123456789 \u3000ab  "; // U+3000 is bytes 11 to 14
  const auto check = [&](const char* token, bool is_first, TextRange range,
                         TextRange expected) {
    const TextRange result =
        trimmed(range, token, text, {.is_first = is_first, .keeps_first_space = true});
    CHECK(result.begin == expected.begin);
    CHECK(result.end == expected.end);
  };
  check("56789", false, {5, 10}, {5, 10});
  check("Ġ6789", false, {5, 10}, {6, 10});
  check("Ġ6789", true, {5, 10}, {5, 10}); // the space was put there
  check("ĠĠ789", true, {5, 10}, {7, 10});
  check("5678Ġ", false, {5, 10}, {5, 9});
  check("ĠĠĠĠĠ", false, {5, 10}, {10, 10});
  check("ĠĠab", false, {10, 16}, {14, 16}); // characters, whatever their bytes
  check(" \u3000", false, {10, 14}, {14, 14});
  check("0ĠĠ", false, {0, 1}, {0, 1}); // more white space than text
}

} // namespace
} // namespace omni
