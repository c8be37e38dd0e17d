// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "omni/conversation/jinja/literal.h"
#include "omni/conversation/jinja/unicode.h"
#include "omni/core/errors.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using TokenKind = TemplateToken::Kind;

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<TemplateToken> run() {
    while (at_ < source_.size()) {
      read_data();
    }
    push(TokenKind::End, source_.size());
    return std::move(tokens_);
  }

 private:
  void
  push(TokenKind kind, size_t offset, std::string text = {}, TemplateValue value = {}) {
    tokens_.push_back({kind, offset, std::move(text), std::move(value)});
  }

  void push_data(size_t offset, std::string_view text) {
    if (!text.empty()) {
      push(TokenKind::Data, offset, std::string(text));
    }
  }

  [[nodiscard]] bool starts(std::string_view text, size_t at) const {
    return source_.substr(std::min(at, source_.size())).starts_with(text);
  }

  [[nodiscard]] size_t skip_space(size_t at) const {
    while (at < source_.size()) {
      const Utf8Character character = first_character(source_.substr(at));
      if (!is_space(character.code_point)) {
        break;
      }
      at += character.num_bytes;
    }
    return at;
  }

  // Up to the next tag, and the tag.
  void read_data() {
    const size_t begin = at_;
    size_t tag = begin;
    while (
        tag < source_.size() &&
        !(source_[tag] == '{' && tag + 1 < source_.size() &&
          std::string_view("{%#").find(source_[tag + 1]) != std::string_view::npos)) {
      ++tag;
    }
    if (tag == source_.size()) {
      push_data(begin, source_.substr(begin));
      at_ = tag;
      return;
    }
    at_ = tag + 2;
    const char sign =
        at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')
        ? source_[at_++]
        : ' ';
    const char kind = source_[tag + 1];
    push_data(begin, cut(source_.substr(begin, tag - begin), sign, kind == '{'));
    if (kind == '#') {
      skip_comment(tag);
    } else if (kind == '{') {
      push(TokenKind::VariableBegin, tag);
      read_tag(TokenKind::VariableEnd, "}}", tag);
    } else if (const auto raw = end_of_raw_tag("raw", at_)) {
      read_raw(tag, *raw);
    } else {
      push(TokenKind::BlockBegin, tag);
      read_tag(TokenKind::BlockEnd, "%}", tag);
    }
    is_line_start_ = source_[at_ - 1] == '\n';
  }

  // Text without the whitespace that the tag after it takes away.
  [[nodiscard]] std::string_view cut(std::string_view text, char sign, bool is_variable)
      const {
    if (sign == '-') {
      const std::u32string characters = characters_of(text);
      size_t end = text.size();
      for (size_t i = characters.size(); i > 0 && is_space(characters[i - 1]); --i) {
        do {
          --end;
        } while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
      }
      return text.substr(0, end);
    }
    if (sign == '+' || is_variable) {
      return text;
    }
    const size_t line = text.rfind('\n') + 1; // 0 where there is none
    if (line == 0 && !is_line_start_) {
      return text;
    }
    const std::u32string last = characters_of(text.substr(line));
    return std::all_of(last.begin(), last.end(), is_space) ? text.substr(0, line)
                                                           : text;
  }

  // Past a mark that ends a block or a comment, with what it takes away; none if it is
  // not there.
  [[nodiscard]] std::optional<size_t> end_of(std::string_view mark, size_t at) const {
    if (starts(mark, at)) {
      const size_t end = at + mark.size();
      return mark != "}}" && starts("\n", end) ? end + 1 : end;
    }
    if (starts("-", at) && starts(mark, at + 1)) {
      return skip_space(at + 1 + mark.size());
    }
    if (mark != "}}" && starts("+", at) && starts(mark, at + 1)) {
      return at + 1 + mark.size();
    }
    return std::nullopt;
  }

  void skip_comment(size_t tag) {
    for (size_t i = at_; i < source_.size(); ++i) {
      if (const auto end = end_of("#}", i)) {
        at_ = *end;
        return;
      }
    }
    if (at_ < source_.size()) { // jinja2 lets an empty one pass
      template_error(source_, tag, "expected a comment to end in #}, got none");
    }
  }

  // `at` is behind {% and its mark.
  [[nodiscard]] std::optional<size_t> end_of_raw_tag(std::string_view name, size_t at)
      const {
    at = skip_space(at);
    if (!starts(name, at)) {
      return std::nullopt;
    }
    at = skip_space(at + name.size());
    if (name == "raw") { // leaves the line's end, and knows no +
      if (starts("%}", at)) {
        return at + 2;
      }
      return starts("-%}", at) ? std::optional(skip_space(at + 3)) : std::nullopt;
    }
    return end_of("%}", at);
  }

  void read_raw(size_t tag, size_t begin) {
    is_line_start_ = source_[begin - 1] == '\n';
    for (size_t i = begin; i + 1 < source_.size(); ++i) {
      if (!starts("{%", i)) {
        continue;
      }
      const bool has_sign = starts("-", i + 2) || starts("+", i + 2);
      if (const auto end = end_of_raw_tag("endraw", i + (has_sign ? 3 : 2))) {
        const char sign = has_sign ? source_[i + 2] : ' ';
        push_data(begin, cut(source_.substr(begin, i - begin), sign, false));
        at_ = *end;
        return;
      }
    }
    at_ = begin;
    if (at_ < source_.size()) { // jinja2 lets an empty one pass
      template_error(source_, tag, "expected {% endraw %} after {% raw %}, got none");
    }
  }

  // The tokens of one {{ }} or {% %} and the mark that ends it.
  void read_tag(TokenKind end_kind, std::string_view mark, size_t tag) {
    std::string open; // brackets
    while (true) {
      if (const auto end = open.empty() ? end_of(mark, at_) : std::nullopt) {
        push(end_kind, at_);
        at_ = *end;
        return;
      }
      const size_t next = skip_space(at_);
      if (next > at_) {
        at_ = next;
        continue;
      }
      if (at_ == source_.size()) {
        template_error(
            source_, tag,
            "expected " + std::string(mark) +
                " to end this tag, got the end of the "
                "template");
      }
      read_token(open);
    }
  }

  void read_token(std::string& open) {
    const char first = source_[at_];
    if (const auto number = read_template_number(source_, at_)) {
      push(TokenKind::Literal, at_, {}, number->value);
      at_ = number->end;
    } else if (const size_t end = end_of_name(); end > at_) {
      push(TokenKind::Name, at_, std::string(source_.substr(at_, end - at_)));
      at_ = end;
    } else if (first == '\'' || first == '"') {
      const auto text = read_template_text(source_, at_);
      push(TokenKind::Text, at_, {}, text.value);
      at_ = text.end;
    } else {
      read_operator(open);
    }
  }

  [[nodiscard]] size_t end_of_name() const {
    size_t end = at_;
    while (end < source_.size()) {
      const Utf8Character character = first_character(source_.substr(end));
      const char32_t c = character.code_point;
      const bool is_first = end == at_;
      if (c != U'_' && !is_alphabetic(c) && (is_first || !is_numeric(c))) {
        break;
      }
      end += character.num_bytes;
    }
    return end;
  }

  void read_operator(std::string& open) {
    constexpr std::array kOperators = {
        "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto* const found = std::find_if(
        kOperators.begin(), kOperators.end(),
        [&](const char* text) { return starts(text, at_); });
    if (found == kOperators.end()) {
      const size_t size = first_character(source_.substr(at_)).num_bytes;
      template_error(
          source_, at_,
          "expected an expression, got \"" + std::string(source_.substr(at_, size)) +
              "\"");
    }
    const char first = (*found)[0];
    const std::string_view closing = "]})";
    if (const size_t i = std::string_view("[{(").find(first); i < 3) {
      open += closing[i];
    } else if (closing.find(first) != std::string_view::npos) {
      if (open.empty() || open.back() != first) {
        template_error(
            source_, at_,
            open.empty() ? std::string("expected no \"") + first + "\" here"
                         : std::string("expected \"") + open.back() + "\", got \"" +
                    first + "\"");
      }
      open.pop_back();
    }
    push(TokenKind::Operator, at_, *found);
    at_ += std::string_view(*found).size();
  }

  std::string_view source_;
  std::vector<TemplateToken> tokens_;
  size_t at_ = 0;
  bool is_line_start_ = true;
};

} // namespace

std::string normalized_template_source(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      i += i + 1 < source.size() && source[i + 1] == '\n' ? 1 : 0;
    } else {
      text += source[i];
    }
  }
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

std::string template_place(std::string_view source, size_t offset) {
  const std::string_view before = source.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  return "line " + std::to_string(line) + ", column " +
      std::to_string(characters_of(in_line).size() + 1);
}

void template_error(
    std::string_view source,
    size_t offset,
    const std::string& message) {
  const bool is_sentence = !message.empty() && // of the template itself, perhaps
      std::string_view(".!?").find(message.back()) != std::string_view::npos;
  throw ValueError(
      "chat_template",
      template_place(source, offset) + ": " + message + (is_sentence ? "" : "."));
}

std::vector<TemplateToken> template_tokens(std::string_view source) {
  return Lexer(source).run();
}

} // namespace omni
