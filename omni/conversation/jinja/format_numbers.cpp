// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>
#include <charconv>
#include <cmath>

#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/format.h"
#include "omni/conversation/jinja/print.h"
#include "omni/conversation/jinja/unicode.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

std::string with_sign(const std::string& digits, bool is_negative, char sign) {
  return (is_negative ? "-" : sign == '-' ? "" : std::string(1, sign)) + digits;
}

// Separators between groups of the whole part.
std::string grouped(const std::string& digits, char separator, size_t size) {
  const size_t end =
      std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  std::string text;
  for (size_t i = 0; i < end; ++i) {
    if (i > 0 && (end - i) % size == 0) {
      text += separator;
    }
    text += digits[i];
  }
  return text + digits.substr(end);
}

void to_upper_case(std::string& text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char letter) {
    return static_cast<char>(letter >= 'a' && letter <= 'z' ? letter - 32 : letter);
  });
}

} // namespace

std::string
digits_of_float(TemplateRuntime& runtime, double number, const NumberFormat& format) {
  const char type = static_cast<char>(format.type | 0x20);
  const bool is_percent = format.type == '%';
  const double size = std::fabs(is_percent ? number * 100 : number);
  std::string digits;
  if (!std::isfinite(size)) {
    digits = std::isnan(size) ? "nan" : "inf";
  } else if (format.type == 'r') { // as it prints, or with a precision
    digits = repr_of_float(size);
  } else {
    int64_t precision = format.precision < 0 ? 6 : format.precision;
    const bool is_general = type == 'g' || format.type == '\0';
    precision = is_general ? std::max<int64_t>(precision, 1) : precision;
    runtime.charge_text(precision + 400);
    digits.resize(static_cast<size_t>(precision) + 400);
    const auto style = is_percent || type == 'f' ? std::chars_format::fixed
        : type == 'e'                            ? std::chars_format::scientific
                                                 : std::chars_format::general;
    const auto end = std::to_chars(
                         digits.data(), digits.data() + digits.size(), size, style,
                         static_cast<int>(precision))
                         .ptr;
    digits.resize(static_cast<size_t>(end - digits.data()));
    if (format.type == '\0' && digits.find_first_of(".e") == std::string::npos) {
      digits += ".0";
    }
    if (format.is_alternate && digits.find('.') == std::string::npos) {
      digits.insert(std::min(digits.find('e'), digits.size()), ".");
    }
  }
  if (format.type >= 'A' && format.type <= 'Z') {
    to_upper_case(digits);
  }
  if (format.grouping != '\0' && std::isfinite(size)) {
    const size_t whole =
        std::min(digits.find_first_not_of("0123456789"), digits.size());
    digits =
        grouped(digits.substr(0, whole), format.grouping, 3) + digits.substr(whole);
  }
  digits += is_percent ? "%" : "";
  return with_sign(digits, std::signbit(number) && !std::isnan(number), format.sign);
}

std::string digits_of(
    TemplateRuntime& runtime,
    const TemplateValue& number,
    const NumberFormat& format) {
  const int64_t value = number.kind() == TemplateValue::Kind::Bool
      ? (number.as_bool() ? 1 : 0)
      : number.as_int();
  const uint64_t size =
      value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const char type = static_cast<char>(format.type | 0x20);
  const int base = type == 'x' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string digits(64, '0');
  digits.resize(static_cast<size_t>(
      std::to_chars(digits.data(), digits.data() + 64, size, base).ptr -
      digits.data()));
  if (format.precision > static_cast<int64_t>(digits.size())) {
    runtime.charge_text(format.precision);
    digits.insert(0, static_cast<size_t>(format.precision) - digits.size(), '0');
  }
  if (format.grouping != '\0') {
    digits = grouped(digits, format.grouping, base == 10 ? 3 : 4);
  }
  if (format.is_alternate && base != 10) {
    digits.insert(0, std::string("0") + type);
  }
  if (format.type == 'X') {
    to_upper_case(digits);
  }
  return with_sign(digits, value < 0, format.sign);
}

std::string padded(
    TemplateRuntime& runtime,
    std::string text,
    int64_t width,
    char32_t fill,
    char align) {
  const auto size = static_cast<int64_t>(characters_of(text).size());
  if (width <= size) {
    return text;
  }
  runtime.charge_text(width);
  const auto filled = [&](int64_t count) {
    std::string padding;
    for (int64_t i = 0; i < count; ++i) {
      append_character(padding, fill);
    }
    return padding;
  };
  const int64_t missing = width - size;
  if (align == '=') {
    const bool has_sign = !text.empty() && std::string_view("+- ").find(text[0]) < 3;
    size_t place = has_sign ? 1 : 0;
    if (text.size() > place + 1 && text[place] == '0' &&
        std::string_view("xXob").find(text[place + 1]) < 4) {
      place += 2; // behind 0x
    }
    return text.insert(place, filled(missing));
  }
  const int64_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  return filled(before) + text + filled(missing - before);
}

} // namespace omni
