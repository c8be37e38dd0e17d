// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/typed_special_tokens.h"

#include <algorithm>
#include <set>
#include <utility>

#include "omni/core/errors.h"

namespace omni {
namespace {

// U+FDD0 to U+FDEF: characters that stand for nothing, kept for a program's own use.
constexpr int kNumMarks = 32;

std::string mark_number(int number) {
  return std::string("\xEF\xB7") + static_cast<char>(0x90 + number);
}

// Bytes of the character that begins a text.
size_t first_character_bytes(std::string_view text) {
  size_t size = 1;
  while (size < text.size() &&
         (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
    ++size;
  }
  return size;
}

} // namespace

// Note [Where a mark stands]
// Behind the first character of the token, so that a template which trims white space
// or looks at the first character of a message does what it did. A token of one
// character has its mark before it. Either way the mark, once taken out, leaves its
// place to a byte of the token.
TypedSpecialTokens::TypedSpecialTokens(
    std::vector<std::string> special_tokens,
    const std::vector<std::string_view>& texts)
    : special_tokens_(std::move(special_tokens)) {
  std::erase(special_tokens_, "");
  for (int number = 0; number < kNumMarks && mark_.empty(); ++number) {
    const std::string mark = mark_number(number);
    const bool is_used = std::any_of(
        texts.begin(), texts.end(),
        [&](std::string_view text) { return text.find(mark) != text.npos; });
    if (!is_used) {
      mark_ = mark;
    }
  }
  if (mark_.empty()) {
    throw ValueError(
        "compose",
        "expected messages that leave one of the characters U+FDD0 to U+FDEF unused, "
        "got them all.");
  }
}

std::string TypedSpecialTokens::marked(std::string_view text) const {
  std::set<size_t> places;
  for (const std::string& token : special_tokens_) {
    const size_t first = first_character_bytes(token);
    const size_t offset = first < token.size() ? first : 0;
    for (size_t at = text.find(token); at != text.npos; at = text.find(token, at + 1)) {
      places.insert(at + offset);
    }
  }
  std::string result;
  size_t begin = 0;
  for (const size_t place : places) {
    result.append(text.substr(begin, place - begin)).append(mark_);
    begin = place;
  }
  return result.append(text.substr(begin));
}

TypedSpecialTokens::Unmarked TypedSpecialTokens::unmarked(
    std::string_view rendered) const {
  Unmarked result;
  while (true) {
    const size_t at = rendered.find(mark_);
    result.text += rendered.substr(0, at);
    if (at == rendered.npos) {
      return result;
    }
    result.typed.push_back(static_cast<int64_t>(result.text.size()));
    rendered.remove_prefix(at + mark_.size());
  }
}

} // namespace omni
