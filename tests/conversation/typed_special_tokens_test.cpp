// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/typed_special_tokens.h"

#include "omni/core/errors.h"
#include "tests/support/catch.h"

namespace omni {
namespace {

using omni::testing::Contains;
using Places = std::vector<int64_t>;

const std::vector<std::string> kTokens = {"<|end|>", "<|endless|>", "§", "가나", ""};

Places places_of(const std::string& text) {
  const TypedSpecialTokens typed(kTokens, {text});
  const auto result = typed.unmarked(typed.marked(text));
  CHECK(result.text == text);
  return result.typed;
}

} // namespace

TEST_CASE("text without special tokens has no marks") {
  const TypedSpecialTokens typed(kTokens, {});
  for (const char* text : {"", "plain <|en d|> text", "가", "나가"}) {
    CHECK(typed.marked(text) == text);
    CHECK(places_of(text).empty());
  }
}

TEST_CASE("a mark leaves its place inside the token") {
  CHECK(places_of("a<|end|>b<|end|>") == Places{2, 10});
  CHECK(places_of("가나") == Places{3}); // behind its first character
  CHECK(places_of("x§") == Places{1}); // of one character: where it begins
  CHECK(places_of("<|<|end|>end|>") == Places{3}); // the outer one is none
}

TEST_CASE("marks survive what a template does with a text") {
  const TypedSpecialTokens typed(kTokens, {"<|end|>"});
  const auto result = typed.unmarked("<|end|>" + typed.marked("<|end|>") + "<|end|>");
  CHECK(result.text == "<|end|><|end|><|end|>");
  CHECK(result.typed == Places{8});
}

TEST_CASE("the mark is a character that no text has") {
  const std::string used = "\xEF\xB7\x90\xEF\xB7\x91";
  const TypedSpecialTokens typed(kTokens, {used, "<|end|>"});
  CHECK(typed.unmarked(used + typed.marked("<|end|>")).text == used + "<|end|>");
  std::string all;
  for (int i = 0; i < 32; ++i) {
    all.append("\xEF\xB7").push_back(static_cast<char>(0x90 + i));
  }
  CHECK_THROWS_WITH(TypedSpecialTokens(kTokens, {all}), Contains("U+FDD0"));
}

} // namespace omni
