// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/typed_special_tokens.h"

#include "omni/core/errors.h"
#include "tests/support/catch.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Places = std::vector<int64_t>;

const TypedSpecialTokens& tokens() {
  static const TypedSpecialTokens only(
      {"<|end|>", "<|endless|>", "§", "가나", "", "Word", "\n<x>\n", "<｜User｜>"});
  return only;
}

Places places_of(const std::string& text) {
  const TypedMark mark({text});
  const auto result = mark.unmarked(tokens().marked(text, mark));
  CHECK(result.text == text);
  return result.typed;
}

} // namespace

TEST_CASE("text without special tokens has no marks") {
  for (const char* text :
       {"", "plain <|en d|> text", "가", "나가", "a < b", "<|en|>", "word", "WORD",
        "a Wor", "\n", "< |end|>"}) {
    CHECK(places_of(text).empty());
  }
}

TEST_CASE("a mark leaves its place inside the token") {
  CHECK(places_of("a<|end|>b<|end|>") == Places{2, 10});
  CHECK(places_of("가나") == Places{3}); // behind its first character
  CHECK(places_of("x§") == Places{1}); // of one character: where it begins
  CHECK(places_of("<|<|end|>end|>") == Places{3}); // the outer one is none
  CHECK(places_of("a\n<x>\n") == Places{3}); // behind what trimming leaves
  CHECK(places_of("Word") == Places{1});
}

TEST_CASE("what may become a token has a mark too") {
  CHECK(places_of("a<|END|>") == Places{2}); // in another case
  CHECK(places_of("＜｜ｅｎｄ｜＞") == Places{3}); // in a compatible form
  CHECK(places_of("<|USER|>") == Places{1}); // of what a token has as such a form
  CHECK(places_of("가<|end|>\u0338") == Places{4}); // though > and this make ≯
  CHECK(places_of("a<|en") == Places{2}); // if the rest of it follows
  CHECK(places_of("<|en") == Places{1});
  CHECK(places_of("a <") == Places{3});
  CHECK(places_of("a < \n") == Places{3});
  CHECK(places_of("a<|en \n") == Places{2}); // and the space is trimmed
  CHECK(places_of("＜|en") == Places{3});
  const TypedMark mark({});
  const auto joined = tokens().marked("<|en", mark) + tokens().marked("d|>", mark);
  CHECK(mark.unmarked(joined).typed == Places{1});
}

TEST_CASE("marks survive what a template does with a text") {
  const TypedMark mark({"<|end|>"});
  const auto result =
      mark.unmarked("<|end|>" + tokens().marked("<|end|>", mark) + "<|end|>");
  CHECK(result.text == "<|end|><|end|><|end|>");
  CHECK(result.typed == Places{8});
}

TEST_CASE("marks are found as escapes too") {
  const TypedMark mark({"<|end|>"});
  const auto result =
      mark.unmarked(R"(a<\ufdd0|end|>)" + mark.text() + R"(b\ufdd0\ufdd)");
  CHECK(result.text == R"(a<|end|>b\ufdd)");
  CHECK(result.typed == Places{2, 8, 9});
}

TEST_CASE("the mark is a character that no text has") {
  const std::string used =
      "\uFDD0"
      R"(\ufdd1)";
  const TypedMark mark({"a", used, "<|end|>"});
  CHECK(mark.text() == "\uFDD2");
  CHECK(
      mark.unmarked(used + tokens().marked("<|end|>", mark)).text == used + "<|end|>");
  std::string all;
  for (int i = 0; i < 32; ++i) {
    all.append("\xEF\xB7").push_back(static_cast<char>(0x90 + i));
  }
  CHECK_THROWS_WITH(TypedMark({all}), Contains("U+FDD0"));
}

TEST_CASE("long texts of what tokens begin with take linear time") {
  std::vector<std::string> many;
  for (int i = 0; i < 3000; ++i) {
    many.push_back("<|reserved_" + std::to_string(i) + "|>");
  }
  const TypedMark mark({});
  std::string text(200'000, '<');
  const std::string marked = TypedSpecialTokens(many).marked(text, mark);
  CHECK(marked.size() == text.size() + mark.text().size()); // the last may go on
}

} // namespace omni
