// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/literal.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "omni/conversation/jinja/lexer.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

int digit_of(char c) {
  if (is_ascii_digit(c)) {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

// Past digits of a base with single underscores between them; `at` where there are
// none.
size_t end_of_digits(std::string_view source, size_t at, int base) {
  size_t end = at;
  while (end < source.size()) {
    const size_t digit = source[end] == '_' && end > at ? end + 1 : end;
    if (digit >= source.size() || digit_of(source[digit]) >= base) {
      break;
    }
    end = digit + 1;
  }
  return end;
}

std::string without_underscores(std::string_view text) {
  std::string digits(text);
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  return digits;
}

std::optional<TemplateLiteral> read_float(std::string_view source, size_t at) {
  if (at > 0 && source[at - 1] == '.') {
    return std::nullopt;
  }
  const auto at_mark = [&](size_t i, char mark) {
    return i < source.size() && (source[i] | 0x20) == (mark | 0x20);
  };
  size_t end = end_of_digits(source, at, 10);
  if (end == at) {
    return std::nullopt;
  }
  bool is_float = false;
  if (at_mark(end, '.') && source[end] == '.') {
    const size_t fraction = end_of_digits(source, end + 1, 10);
    if (fraction > end + 1) {
      is_float = true;
      end = fraction;
    }
  }
  if (at_mark(end, 'e')) {
    const bool has_sign =
        end + 1 < source.size() && (source[end + 1] == '+' || source[end + 1] == '-');
    const size_t digits = end + (has_sign ? 2 : 1);
    const size_t exponent = end_of_digits(source, digits, 10);
    if (exponent > digits) {
      is_float = true;
      end = exponent;
    }
  }
  if (!is_float) {
    return std::nullopt;
  }
  const std::string digits = without_underscores(source.substr(at, end - at));
  double value = 0;
  const auto result =
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec == std::errc::result_out_of_range) {
    const size_t mark = digits.find_first_of("eE");
    value = mark != std::string::npos && digits[mark + 1] == '-'
        ? 0
        : std::numeric_limits<double>::infinity();
  }
  return TemplateLiteral{value, end};
}

} // namespace

std::optional<TemplateLiteral> read_template_number(
    std::string_view source,
    size_t at) {
  if (!is_ascii_digit(source[at])) {
    return std::nullopt;
  }
  if (auto number = read_float(source, at)) {
    return number;
  }
  const char mark =
      source[at] == '0' && at + 1 < source.size() ? source[at + 1] | 0x20 : ' ';
  int base = mark == 'b' ? 2 : mark == 'o' ? 8 : mark == 'x' ? 16 : 10;
  size_t begin = base == 10 ? at : at + 2;
  if (base != 10 && begin < source.size() && source[begin] == '_') {
    ++begin;
  }
  size_t end = end_of_digits(source, begin, base);
  if (base != 10 && end == begin) {
    base = 10;
    begin = at;
    end = at + 1;
  }
  if (base == 10 && source[at] == '0') { // nothing but zeros may follow
    end = end_of_digits(source, at, 1);
  }
  const std::string digits = without_underscores(source.substr(begin, end - begin));
  int64_t value = 0;
  const auto result =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (result.ec != std::errc()) {
    template_error(
        source, at, "expected a whole number that fits into 64 bits, got " + digits);
  }
  return TemplateLiteral{value, end};
}

namespace {

// What one backslash and the letter at `at` stand for; moves `at` behind it.
void append_escape(std::string& text, std::string_view source, size_t& at) {
  const size_t begin = at - 1;
  const char letter = source[at++];
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (const size_t i = kLetters.find(letter); i != std::string_view::npos) {
    text += kMeanings[i];
    return;
  }
  if (letter == '\n') {
    return;
  }
  const bool is_octal = letter >= '0' && letter <= '7';
  const size_t num_digits = letter == 'x' ? 2
      : letter == 'u'                     ? 4
      : letter == 'U'                     ? 8
                                          : 0;
  if (!is_octal && num_digits == 0) {
    if (letter == 'N') {
      template_error(source, begin, "expected no \\N escape, which is not supported");
    }
    text += '\\';
    --at;
    const size_t size = first_character(source.substr(at)).num_bytes;
    text += source.substr(at, size);
    at += size;
    return;
  }
  uint32_t code = 0;
  if (is_octal) {
    for (--at;
         at < begin + 4 && at < source.size() && source[at] >= '0' && source[at] <= '7';
         ++at) {
      code = code * 8 + static_cast<uint32_t>(source[at] - '0');
    }
  } else {
    for (size_t i = 0; i < num_digits; ++i, ++at) {
      const int digit = at < source.size() ? digit_of(source[at]) : 99;
      if (digit >= 16) {
        template_error(
            source, begin,
            "expected " + std::to_string(num_digits) + " hexadecimal digits after \\" +
                letter + ", got fewer");
      }
      code = code << 4U | static_cast<uint32_t>(digit);
    }
  }
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    template_error(
        source, begin, "expected the escape of a character, got no such one");
  }
  append_character(text, code);
}

} // namespace

TemplateLiteral read_template_text(std::string_view source, size_t at) {
  const char quote = source[at];
  std::string text;
  size_t i = at + 1;
  while (i < source.size() && source[i] != quote) {
    if (source[i] != '\\') {
      text += source[i++];
    } else if (++i < source.size()) {
      append_escape(text, source, i);
    }
  }
  if (i >= source.size()) {
    template_error(
        source, at, std::string("expected a text to end in ") + quote + ", got no end");
  }
  return {TemplateValue(std::move(text)), i + 1};
}

} // namespace omni
