// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/added_tokens.h"

#include "tests/support/catch.h"

namespace omni {
namespace {

// Parts as text, tokens with their id before them.
std::string parts_of(
    const std::vector<AddedToken>& tokens,
    const std::string& text,
    bool allow_special = true) {
  std::vector<std::string> forms;
  for (const AddedToken& token : tokens) {
    forms.push_back(token.content);
  }
  const AddedTokenMatcher matcher(tokens, forms);
  std::string result;
  for (const AddedTokenPart& part : matcher.parts_of(text, allow_special)) {
    result += part.token != nullptr ? std::to_string(part.token->id) + "(" : "(";
    result += text.substr(part.begin, part.end - part.begin) + ")";
  }
  return result;
}

AddedToken token(const std::string& content, uint32_t id) {
  AddedToken token;
  token.content = content;
  token.id = id;
  return token;
}

TEST_CASE("the leftmost token, and the longest of those that begin there") {
  const std::vector<AddedToken> tokens = {
      token("ab", 1), token("abc", 2), token("bcd", 3)};
  CHECK(parts_of(tokens, "xabcdab") == "(x)2(abc)(d)1(ab)");
  CHECK(parts_of(tokens, "abab") == "1(ab)1(ab)");
  CHECK(parts_of(tokens, "a") == "(a)");
  CHECK(parts_of(tokens, "").empty());
  CHECK(parts_of({}, "abc") == "(abc)");
  CHECK(parts_of({token("가", 1)}, "나가") == "(나)1(가)");
}

TEST_CASE("special tokens are text unless they may be more") {
  std::vector<AddedToken> tokens = {token("<a>", 1), token("<b>", 2), token("a", 3)};
  tokens[0].is_special = true;
  CHECK(parts_of(tokens, "<a><b>") == "1(<a>)2(<b>)");
  // Nor is another token found inside one.
  CHECK(parts_of(tokens, "<a><b>a", false) == "(<a>)2(<b>)3(a)");
}

TEST_CASE("any token is text where it is said to be") {
  const std::vector<AddedToken> tokens = {token("<a>", 1), token("a", 2)};
  const AddedTokenMatcher matcher(tokens, {"<a>", "a"});
  const AddedTokenMatcher::IsTokenAt is_behind_the_first =
      [](const AddedToken&, size_t begin, size_t) { return begin > 0; };
  const auto parts = matcher.parts_of("<a>a<a>", is_behind_the_first);
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].token == nullptr);
  CHECK(parts[1].token->id == 2);
  CHECK(parts[2].token->id == 1);
}

TEST_CASE("white space around a token goes with it") {
  std::vector<AddedToken> tokens = {token("L", 1), token("R", 2)};
  tokens[0].strips_left = true;
  tokens[1].strips_right = true;
  CHECK(parts_of(tokens, "a \u3000L b") == "(a)1( \u3000L)( b)");
  CHECK(parts_of(tokens, "a R \n b") == "(a )2(R \n )(b)");
  CHECK(parts_of(tokens, "R  L") == "2(R  )1(L)");
  CHECK(parts_of(tokens, "  L") == "1(  L)");
  CHECK(parts_of(tokens, "R  ") == "2(R  )");
}

TEST_CASE("a single word has no word beside it") {
  std::vector<AddedToken> tokens = {token("ab", 1)};
  tokens[0].is_single_word = true;
  CHECK(parts_of(tokens, "ab,ab abc 가ab ab") == "1(ab)(,)1(ab)( abc 가ab )1(ab)");
  CHECK(parts_of(tokens, "_ab ab\u0301") == "(_ab ab\u0301)");
}

TEST_CASE("long runs of what tokens begin with take linear time") {
  std::vector<AddedToken> tokens;
  for (uint32_t i = 0; i < 3000; ++i) {
    tokens.push_back(token("<|reserved_" + std::to_string(i) + "|>", i));
    tokens.back().strips_right = true;
  }
  tokens.push_back(token("\t", 3000));
  tokens.back().strips_right = true;
  std::string text(300'000, '<');
  text += "<|reserved_7|>" + std::string(300'000, '\t');
  std::vector<std::string> forms;
  for (const AddedToken& each : tokens) {
    forms.push_back(each.content);
  }
  const AddedTokenMatcher matcher(tokens, forms);
  CHECK(matcher.parts_of(text, true).size() == 2 + 300'000);
}

} // namespace
} // namespace omni
