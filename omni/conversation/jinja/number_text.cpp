// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/number_text.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {
namespace {

std::string trimmed(std::string_view text) {
  std::u32string all = characters_of(text);
  all.erase(all.begin(), std::find_if_not(all.begin(), all.end(), is_space));
  while (!all.empty() && is_space(all.back())) {
    all.pop_back();
  }
  return text_of(all);
}

bool is_digit_of(char letter, int base) {
  const char lower = static_cast<char>(letter | 0x20);
  const int digit = letter >= '0' && letter <= '9' ? letter - '0'
      : lower >= 'a' && lower <= 'z'               ? lower - 'a' + 10
                                                   : 99;
  return digit < base;
}

// Without underscores, each of which must stand between digits.
std::optional<std::string> plain_digits(std::string_view text, int base) {
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
    } else if (
        i == 0 || i + 1 == text.size() || !is_digit_of(text[i - 1], base) ||
        !is_digit_of(text[i + 1], base)) {
      return std::nullopt;
    }
  }
  return digits;
}

int base_of_prefix(std::string_view text) {
  const char mark =
      text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : ' ';
  return mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
}

} // namespace

std::optional<int64_t> read_int(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) {
    return std::nullopt;
  }
  std::string digits = trimmed(text);
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) {
    digits.erase(0, 1);
  }
  const int prefix = base_of_prefix(digits);
  if (prefix != 0 && (base == 0 || base == prefix)) {
    base = prefix;
    digits.erase(0, digits.size() > 2 && digits[2] == '_' ? 3 : 2);
  } else if (base == 0) {
    base = 10;
    if (digits.starts_with('0') &&
        digits.find_first_not_of("0_") != std::string::npos) {
      return std::nullopt;
    }
  }
  const auto plain = plain_digits(digits, static_cast<int>(base));
  if (!plain || plain->empty()) {
    return std::nullopt;
  }
  const std::string signed_digits = (is_negative ? "-" : "") + *plain;
  int64_t value = 0;
  const char* end = signed_digits.data() + signed_digits.size();
  if (plain->front() == '-' || plain->front() == '+') {
    return std::nullopt;
  }
  const auto result =
      std::from_chars(signed_digits.data(), end, value, static_cast<int>(base));
  if (result.ptr != end) {
    return std::nullopt;
  }
  if (result.ec == std::errc::result_out_of_range) {
    template_fault("expected whole numbers within 64 bits, got a larger one");
  }
  return result.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<double> read_float(std::string_view text) {
  const auto plain = plain_digits(trimmed(text), 10);
  if (!plain || plain->empty()) {
    return std::nullopt;
  }
  std::string_view digits = *plain;
  const bool is_negative = digits.starts_with('-');
  if (is_negative || digits.starts_with('+')) {
    digits.remove_prefix(1);
  }
  const std::string lower = to_lower(digits);
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (digits.empty() || (digits[0] != '.' && !is_digit_of(digits[0], 10))) {
      return std::nullopt;
    }
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) {
      return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) {
      const bool is_tiny = lower.find("e-") != std::string::npos;
      value = is_tiny ? 0 : std::numeric_limits<double>::infinity();
    }
  }
  return is_negative ? -value : value;
}

} // namespace omni
