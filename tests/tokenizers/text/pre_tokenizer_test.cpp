// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/pre_tokenizer.h"

#include "omni/core/errors.h"
#include "tests/support/catch.h"
#include "tests/tokenizers/text/tokenizer_documents.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Words = std::vector<std::string>;

PreTokens split(const Json& document, const std::string& text) {
  PatternScratch scratch;
  PreTokens tokens{AlignedText(text, 0, true), {}};
  if (!text.empty()) {
    tokens.words = {{0, static_cast<uint32_t>(text.size())}};
  }
  test::read_part(document, read_pre_tokenizer)->split(tokens, scratch);
  return tokens;
}

Words words_of(const Json& document, const std::string& text) {
  const PreTokens tokens = split(document, text);
  Words words;
  for (const ByteRange word : tokens.words) {
    words.push_back(tokens.text.text().substr(word.begin, word.size()));
  }
  return words;
}

Json split_at(const char* behavior, bool is_inverted = false) {
  return {
      {"type", "Split"},
      {"pattern", {{"Regex", "-"}}},
      {"behavior", behavior},
      {"invert", is_inverted}};
}

TEST_CASE("behaviours are those of the documentation of `tokenizers`") {
  const std::string text = "the-final--countdown";
  CHECK(words_of(split_at("Removed"), text) == Words{"the", "final", "countdown"});
  CHECK(
      words_of(split_at("Isolated"), text) ==
      Words{"the", "-", "final", "-", "-", "countdown"});
  CHECK(
      words_of(split_at("MergedWithPrevious"), text) ==
      Words{"the-", "final-", "-", "countdown"});
  CHECK(
      words_of(split_at("MergedWithNext"), text) ==
      Words{"the", "-final", "-", "-countdown"});
  CHECK(
      words_of(split_at("Contiguous"), text) ==
      Words{"the", "-", "final", "--", "countdown"});
}

TEST_CASE("inverted, matches are what is kept") {
  CHECK(words_of(split_at("Removed", true), "a-b--c") == Words{"-", "-", "-"});
  CHECK(
      words_of(split_at("Contiguous", true), "a-b--c") ==
      Words{"a", "-", "b", "--", "c"});
  CHECK(words_of(split_at("MergedWithNext", true), "-a-") == Words{"-", "a-"});
  CHECK(
      words_of(split_at("MergedWithPrevious", true), "a-b-") == Words{"a", "-b", "-"});
}

TEST_CASE("a match at an end and no match at all") {
  for (const char* behavior :
       {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}) {
    CHECK(words_of(split_at(behavior), "ab") == Words{"ab"});
    CHECK(words_of(split_at(behavior), "").empty());
  }
  CHECK(words_of(split_at("MergedWithNext"), "a-") == Words{"a", "-"});
  CHECK(words_of(split_at("MergedWithPrevious"), "-a") == Words{"-", "a"});
}

TEST_CASE("words by kinds of characters") {
  CHECK(
      words_of({{"type", "Digits"}, {"individual_digits", true}}, "a12Ⅷb") ==
      Words{"a", "1", "2", "Ⅷ", "b"});
  CHECK(
      words_of({{"type", "Digits"}, {"individual_digits", false}}, "a12b") ==
      Words{"a", "12", "b"});
  CHECK(
      words_of({{"type", "Punctuation"}}, "a,$b。") == Words{"a", ",", "$", "b", "。"});
  CHECK(
      words_of({{"type", "Punctuation"}, {"behavior", "Removed"}}, "a--b") ==
      Words{"a", "b"});
  CHECK(
      words_of({{"type", "Whitespace"}}, "a-b 가e\u0301\n!") ==
      Words{"a", "-", "b", "가e\u0301", "!"});
  CHECK(words_of({{"type", "WhitespaceSplit"}}, " a-b\u3000c\n") == Words{"a-b", "c"});
}

TEST_CASE("ByteLevel") {
  const Json plain = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  CHECK(
      words_of(plain, "Don't  stop 12가!\n") ==
      Words{"Don", "'t", " ", " stop", " 12", "가", "!", "\n"});
  const Json spaced = {{"type", "ByteLevel"}, {"use_regex", false}};
  CHECK(words_of(spaced, "가 b") == Words{" 가 b"});
  CHECK(words_of(spaced, " b") == Words{" b"});
  const PreTokens tokens = split(spaced, "가b");
  const ByteRange space = tokens.text.source_of(0, 1);
  CHECK((space.begin == 0 && space.end == 3)); // that of the character behind it
}

TEST_CASE("Metaspace") {
  const auto words = [](const char* scheme, bool splits, const std::string& text) {
    return words_of(
        {{"type", "Metaspace"},
         {"replacement", "▁"},
         {"prepend_scheme", scheme},
         {"split", splits}},
        text);
  };
  CHECK(words("always", true, "a b  c") == Words{"▁a", "▁b", "▁", "▁c"});
  CHECK(words("never", true, "a b") == Words{"a", "▁b"});
  CHECK(words("first", false, "a b") == Words{"▁a▁b"});
  CHECK(words("always", true, " a") == Words{"▁a"});
  CHECK(words("always", true, "▁a") == Words{"▁a"});
  const Json old = {
      {"type", "Metaspace"}, {"replacement", "_"}, {"add_prefix_space", false}};
  CHECK(words_of(old, "a b") == Words{"a", "_b"});
  // Only the word that the text begins with counts as the first.
  const Json sequence = {
      {"type", "Sequence"},
      {"pretokenizers",
       {split_at("Removed"),
        {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}}}}};
  CHECK(words_of(sequence, "a-b") == Words{"▁a", "b"});
  CHECK_THROWS_AS(
      words_of({{"type", "Metaspace"}, {"replacement", "__"}}, ""), IoError);
  CHECK_THROWS_AS(words("sometimes", true, ""), IoError);
}

TEST_CASE("what is not supported is refused by name") {
  for (const char* name :
       {"BertPreTokenizer", "UnicodeScripts", "FixedLength", "CharDelimiterSplit"}) {
    CHECK_THROWS_AS(words_of({{"type", name}}, ""), UnsupportedTokenizer);
    CHECK_THROWS_WITH(words_of({{"type", name}}, ""), Contains(name));
  }
  const Json early = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "ByteLevel"}}, {{"type", "Digits"}, {"individual_digits", true}}}}};
  CHECK_THROWS_WITH(words_of(early, ""), Contains("ByteLevel as the last"));
}

} // namespace
} // namespace omni
