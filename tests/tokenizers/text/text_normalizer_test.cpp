// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_normalizer.h"

#include <utf8proc.h>

#include "omni/core/errors.h"
#include "tests/support/catch.h"
#include "tests/tokenizers/text/text_samples.h"
#include "tests/tokenizers/text/tokenizer_documents.h"
#include "tokenizers/text/unicode_form.h"

namespace omni {
namespace {

using omni::testing::Contains;

AlignedText normalized(const Json& document, const std::string& text) {
  PatternScratch scratch;
  return test::read_part(document, read_normalizer)
      ->normalized(AlignedText(text, 0, true), scratch);
}

std::string text_of(const Json& document, const std::string& text) {
  return normalized(document, text).text();
}

// The source of each byte as "begin-end ...".
std::string sources(const AlignedText& text) {
  std::string result;
  for (size_t i = 0; i < text.text().size(); ++i) {
    const ByteRange range = text.source_of(i, i + 1);
    result += std::to_string(range.begin) + "-" + std::to_string(range.end) + " ";
  }
  return result;
}

std::string by_utf8proc(const std::string& text, UnicodeForm form) {
  const bool is_compatible = form == UnicodeForm::Nfkc || form == UnicodeForm::Nfkd;
  const bool composes = form == UnicodeForm::Nfc || form == UnicodeForm::Nfkc;
  const int options = UTF8PROC_STABLE | (is_compatible ? UTF8PROC_COMPAT : 0) |
      (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
  utf8proc_uint8_t* bytes = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()), &bytes,
      static_cast<utf8proc_option_t>(options));
  std::string result(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  free(bytes); // NOLINT: the library's malloc
  return result;
}

TEST_CASE("forms are those of utf8proc, for any text") {
  std::mt19937 random(4);
  std::vector<std::string> texts = test::difficult_texts();
  const std::string marks[] = {"\u1100", "\u1161", "\u11A8", "가",     "각",
                               "\u0301", "\u0323", "e",      "\u09C7", "\u09BE",
                               "\u0344", "ﬁ",      "か",     "\u3099", "a",
                               "\u212B", "\u0F73", "\u0F71"};
  for (int trial = 0; trial < 600; ++trial) {
    texts.push_back(test::random_text(random, 20));
    std::string text;
    for (size_t i = random() % 10; i > 0; --i) {
      text += marks[random() % std::size(marks)];
    }
    texts.push_back(text);
  }
  for (const UnicodeForm form :
       {UnicodeForm::Nfc, UnicodeForm::Nfd, UnicodeForm::Nfkc, UnicodeForm::Nfkd}) {
    for (const std::string& text : texts) {
      const AlignedText result = to_form(AlignedText(text, 0, true), form);
      if (result.text() != by_utf8proc(text, form) ||
          to_form(AlignedText(text, 0, false), form).text() != result.text()) {
        FAIL(text);
      }
      for (size_t i = 0; i < result.text().size(); ++i) {
        CHECK(result.source_of(i, i + 1).end <= text.size());
      }
    }
  }
}

TEST_CASE("characters know where they come from") {
  // As `tokenizers` 0.23 has it.
  CHECK(sources(normalized({{"type", "NFC"}}, "e\u0301x")) == "0-1 0-1 3-4 ");
  CHECK(sources(normalized({{"type", "NFD"}}, "é")) == "0-2 0-2 0-2 ");
  CHECK(sources(normalized({{"type", "NFKC"}}, "ﬁ")) == "0-3 0-3 ");
  CHECK(
      sources(normalized({{"type", "Prepend"}, {"prepend", "--"}}, "가a")) ==
      "0-3 0-3 0-3 0-3 0-3 3-4 ");
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"String", "ab"}}}, {"content", "xyz"}};
  CHECK(sources(normalized(replace, "cab")) == "0-1 2-3 2-3 2-3 ");
  CHECK(
      sources(normalized(
          {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}}, "  a ")) ==
      "2-3 ");
  CHECK(sources(normalized({{"type", "Lowercase"}}, "İA")) == "0-2 0-2 0-2 2-3 ");
}

TEST_CASE("normalisers by name") {
  CHECK(text_of({{"type", "Lowercase"}}, "ÀÉ가Σ") == "àé가σ");
  CHECK(text_of({{"type", "Prepend"}, {"prepend", "▁"}}, "") == "");
  CHECK(
      text_of(
          {{"type", "Replace"}, {"pattern", {{"Regex", R"(\s+)"}}}, {"content", " "}},
          "a \n b") == "a b");
  const auto strip = [](bool left, bool right, const std::string& text) {
    return text_of(
        {{"type", "Strip"}, {"strip_left", left}, {"strip_right", right}}, text);
  };
  CHECK(strip(true, false, "\u3000a ") == "a ");
  CHECK(strip(false, true, " a\u0085") == " a");
  CHECK(strip(false, true, "a") == "a");
  CHECK(strip(true, true, "  ").empty());
  const Json sequence = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "NFKC"}},
        {{"type", "Lowercase"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}}}};
  CHECK(text_of(sequence, "Ａ B") == "a▁b");
  for (const char* name :
       {"Precompiled", "BertNormalizer", "Nmt", "StripAccents", "ByteLevel"}) {
    CHECK_THROWS_AS(text_of({{"type", name}}, ""), UnsupportedTokenizer);
    CHECK_THROWS_WITH(
        text_of({{"type", name}}, ""), Contains("test.json") && Contains(name));
  }
}

} // namespace
} // namespace omni
