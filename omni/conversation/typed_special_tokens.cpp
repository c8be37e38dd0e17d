// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/typed_special_tokens.h"

#include <algorithm>
#include <functional>
#include <set>

#include "omni/core/errors.h"
#include "tokenizers/text/unicode_form.h"
#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

constexpr std::string_view kSpaces = " \t\n\r\f\v";

// U+FDD0 to U+FDEF: characters that stand for nothing, kept for a program's own use.
constexpr unsigned kFirstMark = 0xFDD0;
constexpr unsigned kNumMarks = 32;

std::string escape_of(unsigned code) {
  std::string escape = "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    escape += "0123456789abcdef"[code >> shift & 0xFU];
  }
  return escape;
}

AlignedText compatible(std::string_view text) {
  constexpr bool kKeepsTrack = true;
  return to_form(AlignedText(text, 0, kKeepsTrack), UnicodeForm::Nfkc);
}

// As long as `text`.
std::string lowered(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

std::vector<std::string> sorted(std::vector<std::string> tokens) {
  std::erase(tokens, "");
  std::ranges::sort(tokens);
  const auto repeated = std::ranges::unique(tokens);
  tokens.erase(repeated.begin(), repeated.end());
  return tokens;
}

// Where in `text` one of the sorted `tokens` stands whole, or in part, which then ends
// at one of `cuts`.
void find_tokens(
    const std::vector<std::string>& tokens,
    std::string_view text,
    const std::set<size_t>& cuts,
    const std::function<void(size_t begin, size_t end, bool is_whole)>& found) {
  for (size_t begin = 0; begin < text.size(); ++begin) {
    auto first = tokens.begin(); // those that go on as the text does
    auto last = tokens.end();
    for (size_t end = begin; first != last; ++end) {
      const size_t size = end - begin;
      const bool is_whole = first->size() == size;
      if (is_whole || (size > 0 && cuts.contains(end))) {
        found(begin, end, is_whole);
      }
      if (end == text.size()) {
        break;
      }
      const auto going_on = std::ranges::equal_range(
          is_whole ? first + 1 : first, last, static_cast<uint8_t>(text[end]), {},
          [size](const std::string& token) {
            return static_cast<uint8_t>(token[size]);
          });
      first = going_on.begin();
      last = going_on.end();
    }
  }
}

} // namespace

TypedMark::TypedMark(const std::vector<std::string>& texts) {
  for (unsigned code = kFirstMark; code < kFirstMark + kNumMarks; ++code) {
    std::string mark;
    append_character(mark, code);
    const std::string escape = escape_of(code);
    const bool is_used = std::ranges::any_of(texts, [&](const std::string& text) {
      return text.find(mark) != text.npos || text.find(escape) != text.npos;
    });
    if (!is_used) {
      text_ = mark;
      escape_ = escape;
      return;
    }
  }
  throw ValueError(
      "compose",
      "expected messages that leave one of the characters U+FDD0 to U+FDEF unused, "
      "got them all.");
}

TypedMark::Unmarked TypedMark::unmarked(std::string_view rendered) const {
  Unmarked result;
  size_t begin = 0;
  size_t next = rendered.find(text_);
  size_t next_escape = rendered.find(escape_);
  while (true) {
    const size_t at = std::min(next, next_escape);
    result.text += rendered.substr(begin, at - begin);
    if (at == rendered.npos) {
      return result;
    }
    result.typed.push_back(static_cast<int64_t>(result.text.size()));
    if (at == next) {
      begin = at + text_.size();
      next = rendered.find(text_, begin);
    } else {
      begin = at + escape_.size();
      next_escape = rendered.find(escape_, begin);
    }
  }
}

bool begins_with_sign(std::string_view token) {
  constexpr char32_t kSpaceMark = 0x2581; // stands for a space in many vocabularies
  const char32_t first = first_character(token).code_point;
  return !token.empty() && first != kSpaceMark && !is_white_space(first) &&
      !is_word_character(first);
}

TypedSpecialTokens::TypedSpecialTokens(const std::vector<std::string>& tokens)
    : tokens_(sorted(tokens)) {
  for (const std::string& token : tokens_) {
    if (begins_with_sign(token)) {
      folded_.push_back(lowered(compatible(token).text()));
    }
  }
  folded_ = sorted(std::move(folded_));
}

// Note [Where a mark stands]
// Behind the first character of the token that is no space, so that a template which
// trims white space or looks at the first character of a message does what it did, and
// so that the mark goes with the token: what the template prints beside it is not meant
// (holds_any()). A token of one character has its mark before it. The part of a token
// that ends a text, spaces aside, has a mark too: the template may print the rest of
// the token behind it.
std::string TypedSpecialTokens::marked(std::string_view text, const TypedMark& mark)
    const {
  std::set<size_t> places;
  const auto add = [&](size_t begin, size_t end, bool is_whole) {
    const size_t sign = std::min(text.find_first_not_of(kSpaces, begin), end);
    const size_t place = sign + first_character(text.substr(sign)).num_bytes;
    places.insert(place < end || !is_whole ? place : sign < end ? sign : begin);
  };
  find_tokens(tokens_, text, {}, add);
  const AlignedText form = compatible(text);
  const std::string folded = lowered(form.text());
  const size_t last = folded.find_last_not_of(kSpaces);
  find_tokens(
      folded_, folded, {folded.size(), last == folded.npos ? 0 : last + 1},
      [&](size_t begin, size_t end, bool is_whole) {
        const ByteRange source = form.source_of(begin, end);
        add(source.begin, source.end, is_whole);
      });
  std::string result;
  size_t begin = 0;
  for (const size_t place : places) {
    result.append(text.substr(begin, place - begin)).append(mark.text());
    begin = place;
  }
  return result.append(text.substr(begin));
}

} // namespace omni
