// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_pattern.h"

#include <chrono>

#include "omni/core/errors.h"
#include "tests/support/catch.h"
#include "tokenizers/text/pattern_translation.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Found = std::vector<std::string>;

Found matches_of(const TextPattern& pattern, const std::string& text) {
  PatternScratch scratch;
  PatternMatches matches(pattern, text, scratch);
  Found found;
  while (matches.next()) {
    found.push_back(text.substr(matches.begin(), matches.end() - matches.begin()));
  }
  CHECK_FALSE(matches.next());
  return found;
}

Found matches_of(const std::string& pattern, const std::string& text) {
  return matches_of(TextPattern::expression(pattern, "test.json"), text);
}

TEST_CASE("expressions match as Oniguruma's do") {
  CHECK(matches_of(R"(\s)", "a\u0085b\u180Ec\u3000") == Found{"\u0085", "\u3000"});
  CHECK(matches_of(R"([^\S\n]+)", " \n\t") == Found{" ", "\t"});
  CHECK(
      matches_of(R"(\w+)", "añ\u0301_1 漢字 ⓐ·b") ==
      Found{"añ\u0301_1", "漢字", "ⓐ", "b"});
  CHECK(matches_of(R"(\h+)", "fFg09") == Found{"fF", "09"});
  CHECK(matches_of(R"(\d+|\D)", "1٣a") == Found{"1٣", "a"});
  CHECK(matches_of(R"((?i:'s|'t))", "'S'ſ'T'x") == Found{"'S", "'ſ", "'T"});
  CHECK(matches_of(R"((?i)ab)", "aBAb") == Found{"aB", "Ab"});
  CHECK(matches_of(R"(^a)", "a\naba") == Found{"a", "a"});
  CHECK(matches_of(R"(a$)", "a\nab\na") == Found{"a", "a"});
  CHECK(matches_of(R"(a.)", "a\nab") == Found{"ab"});
  CHECK(matches_of(R"((?m:a.))", "a\nab") == Found{"a\n", "ab"});
  // Ruby's + after an interval repeats it.
  CHECK(matches_of(R"(\p{N}{1,3}+)", "12345") == Found{"12345"});
  CHECK(matches_of(R"(\p{N}{1,3})", "12345") == Found{"123", "45"});
  CHECK(matches_of(R"(a{2}?)", "aaa") == Found{"aa", ""});
  CHECK(matches_of(R"(a{,2}b)", "aaab") == Found{"aab"});
  CHECK(matches_of(R"(a{x}|{)", "a{x}{") == Found{"a{x}", "{"});
  CHECK(matches_of(R"(a++a|b)", "aaab") == Found{"b"});
  CHECK(matches_of(R"(\p{Han}+|\p{^L})", "々漢、") == Found{"々漢", "、"});
  CHECK(matches_of(R"(\p{Lowercase_Letter}|\p{Symbol})", "aA+") == Found{"a", "+"});
  CHECK(matches_of(R"([\p{L}&-])", "a&-.") == Found{"a", "&", "-"});
  CHECK(matches_of(R"([a-c\-\]x])", "b-]xd") == Found{"b", "-", "]", "x"});
  CHECK(matches_of(R"([]a])", "]a") == Found{"]", "a"});
  CHECK(matches_of(R"([[:alpha:]]+)", "aé1") == Found{"aé"});
  CHECK(matches_of(R"([가-힣]+|\uAC00|\x{41})", "가나A") == Found{"가나", "A"});
  CHECK(matches_of(R"(\bab\b)", "ab ab\u0301 ab") == Found{"ab", "ab"});
  CHECK(matches_of(R"((?<name>a)(b))", "ab") == Found{"ab"});
  CHECK(matches_of(R"((?<=a)b|(?<!a)c|(?>d))", "abcacd") == Found{"b", "c", "d"});
  CHECK(matches_of(R"(\s+(?!\S)|\s+)", "a   b") == Found{"  ", " "});
}

TEST_CASE("empty matches stand apart, none right after another match") {
  CHECK(matches_of("a*", "baac") == Found{"", "aa", ""});
  CHECK(matches_of("x*", "가") == Found{"", ""});
  CHECK(matches_of("(?=b)", "abb") == Found{"", ""});
  CHECK(matches_of("a", "").empty());
}

TEST_CASE("a text is its own pattern") {
  CHECK(matches_of(TextPattern::literal("a."), "a.aba.") == Found{"a.", "a."});
  CHECK(matches_of(TextPattern::literal("aa"), "aaaaa") == Found{"aa", "aa"});
  CHECK(matches_of(TextPattern::literal("a"), "").empty());
}

TEST_CASE("what has no equal in PCRE2 is refused by name") {
  const std::pair<const char*, const char*> cases[] = {
      {R"([a&&b])", "&&"},
      {R"([a[bc]])", "a class inside a class"},
      {R"([^\W])", "\\W or \\H inside a class"},
      {R"([a-\d])", "a range that ends in a class"},
      {R"((?x:a b))", "(?x:"},
      {R"((?~a))", "(?~a"},
      {R"((*FAIL))", "(*FA"},
      {R"(a(?i)b|c)", "(?i)"},
      {R"((a)\1)", "\\1"},
      {R"(\k<a>)", "\\k"},
      {R"(\K)", "\\K"},
      {R"(\Qa\E)", "\\Q"},
      {R"(\p{IsFine!})", "IsFine!"},
      {R"(\p{Punct})", "Punct"},
      {R"(\pL)", "without a name"},
      {R"([[:word:]])", "[:word:]"},
      {R"(\xFF)", "\\x"},
      {R"(\x{D800})", "no character"},
      {R"(\x{110000})", "no character"},
      {R"(a{1001})", "1000 repeats"},
      {R"((a)", "without its end"},
      {R"(a))", "without its beginning"},
      {R"([a)", "a class without its end"},
      {"\\", "the escape"}};
  for (const auto& [pattern, cause] : cases) {
    INFO(pattern);
    CHECK_THROWS_WITH(to_pcre2(pattern), Contains(cause));
    CHECK_THROWS_AS(matches_of(pattern, "a"), UnsupportedTokenizer);
  }
  CHECK_THROWS_AS(to_pcre2(std::string(20000, 'a')), PatternError);
}

TEST_CASE("a malformed expression is the file's fault") {
  for (const char* pattern : {"a**", "*a", "(?<=a+)b", R"(\p{Nonesuch})"}) {
    INFO(pattern);
    CHECK_THROWS_AS(matches_of(pattern, "a"), IoError);
    CHECK_THROWS_WITH(
        matches_of(pattern, "a"), Contains("test.json: expected a sound regular"));
  }
}

TEST_CASE("a search that would not end gives up") {
  for (const char* pattern :
       {"(a+)+[bc]", "(a*)*[bc]", "(a|a)*[bc]", "a*a*a*a*a*a*[bc]", "(a|aa)+$[x]"}) {
    INFO(pattern);
    const auto start = std::chrono::steady_clock::now();
    try {
      static_cast<void>(matches_of(pattern, std::string(3000, 'a')));
    } catch (const IoError& error) {
      CHECK_THAT(
          error.what(), Contains("test.json: expected a regular expression that"));
    }
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
  }
  CHECK_THROWS_AS(matches_of("(a+)+[bc]", std::string(3000, 'a')), IoError);
}

TEST_CASE("loops at the end of an alternative need no memory") {
  const std::string letters(500'000, 'a');
  CHECK(
      matches_of(R"((?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\s)", letters) == Found{letters});
  // Elsewhere a loop may have to give back what it took.
  CHECK(matches_of("(?:ab)*a", "ababa") == Found{"ababa"});
  CHECK(matches_of("(?:(?:a)*|b)c", "aac") == Found{"aac"});
  CHECK(matches_of("(?:(?:a)+)?a", "aaa") == Found{"aaa"});
}

} // namespace
} // namespace omni
