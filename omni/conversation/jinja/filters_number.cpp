// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters that make or change numbers.
#include <array>
#include <charconv>
#include <cmath>

#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/format.h"
#include "omni/conversation/jinja/number_text.h"
#include "omni/conversation/jinja/object.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

const TemplateValue& expect_number(const TemplateValue& value) {
  if (!is_number(value)) {
    expect_defined(value);
    template_fault("expected a number, got a value of type " + type_name(value));
  }
  return value;
}

int64_t whole_of(double value) {
  constexpr double kEnd = 9223372036854775808.0; // 2^63
  if (!(value < kEnd && value >= -kEnd)) {
    template_fault("expected a number within 64 bits, got a larger one");
  }
  return static_cast<int64_t>(value);
}

TemplateValue
absolute(TemplateRuntime&, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("abs", given);
  if (expect_number(value).kind() == Kind::Float) {
    return std::fabs(value.as_float());
  }
  return to_float(value) < 0 ? negated(value) : unchanged(value);
}

TemplateValue
to_int(TemplateRuntime&, const TemplateValue& value, TemplateArguments& arguments) {
  const TemplateParameters given("int", arguments, {"default", "base"});
  const TemplateValue fallback = given.get(0, TemplateValue(0));
  expect_defined(value);
  if (value.is_text()) {
    if (const auto whole = read_int(value.as_text(), given.integer(1, 10))) {
      return *whole;
    }
    const auto number = read_float(value.as_text());
    return number && std::isfinite(*number) ? TemplateValue(whole_of(*number))
                                            : fallback;
  }
  if (value.kind() == Kind::Float) {
    return std::isnan(value.as_float()) ? fallback
                                        : TemplateValue(whole_of(value.as_float()));
  }
  return is_number(value) ? unchanged(value) : fallback;
}

TemplateValue to_float_number(
    TemplateRuntime&,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("float", arguments, {"default"});
  const TemplateValue fallback = given.get(0, TemplateValue(0.0));
  expect_defined(value);
  if (value.is_text()) {
    const auto number = read_float(value.as_text());
    return number ? TemplateValue(*number) : fallback;
  }
  return is_number(value) ? TemplateValue(to_float(value)) : fallback;
}

// To the even one where two are as near, as Python rounds.
TemplateValue rounded_int(int64_t value, int64_t precision) {
  if (precision >= 0) {
    return value;
  }
  if (precision < -18) {
    return 0;
  }
  int64_t unit = 1;
  for (int64_t i = 0; i < -precision; ++i) {
    unit *= 10;
  }
  const int64_t rest = ((value % unit) + unit) % unit;
  int64_t low = 0;
  if (__builtin_sub_overflow(value, rest, &low)) {
    template_fault("expected whole numbers within 64 bits, got a larger one");
  }
  const int64_t half = unit / 2;
  const bool is_up = rest > half || (rest == half && (low / unit) % 2 != 0);
  if (is_up && __builtin_add_overflow(low, unit, &low)) {
    template_fault("expected whole numbers within 64 bits, got a larger one");
  }
  return low;
}

double rounded_float(double value, int64_t precision) {
  // Beyond these a double has no digits left to round, or none that stay.
  if (!std::isfinite(value) || precision > 323 || value == 0) {
    return value;
  }
  if (precision < -308) {
    return std::copysign(0.0, value);
  }
  std::array<char, 800> digits{};
  if (precision >= 0) {
    // The exact decimal digits, rounded once.
    const auto end = std::to_chars(
                         digits.data(), digits.data() + digits.size(), value,
                         std::chars_format::fixed, static_cast<int>(precision))
                         .ptr;
    double result = 0;
    std::from_chars(digits.data(), end, result);
    return result;
  }
  const double unit = std::pow(10.0, static_cast<double>(-precision));
  const double scaled = std::nearbyint(value / unit);
  return scaled * unit;
}

TemplateValue round(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("round", arguments, {"precision", "method"});
  const int64_t precision = given.integer(0, 0);
  const std::string method = given.text(1, "common");
  expect_number(value);
  if (method == "common") {
    if (value.kind() == Kind::Float) {
      return rounded_float(value.as_float(), precision);
    }
    return rounded_int(unchanged(value).as_int(), precision);
  }
  if (method != "ceil" && method != "floor") {
    template_fault("expected common, ceil or floor as method of round(), got another");
  }
  const TemplateValue unit = binary_result(
      runtime, BinaryOperator::Power, TemplateValue(10), TemplateValue(precision));
  const TemplateValue scaled =
      binary_result(runtime, BinaryOperator::Multiply, value, unit);
  TemplateValue whole = scaled;
  if (scaled.kind() == Kind::Float) {
    whole = whole_of(
        method == "ceil" ? std::ceil(scaled.as_float())
                         : std::floor(scaled.as_float()));
  }
  return binary_result(runtime, BinaryOperator::Divide, whole, unit);
}

TemplateValue file_size(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("filesizeformat", arguments, {"binary"});
  const bool is_binary = given.truth(0, false);
  std::optional<double> size;
  if (value.is_text()) {
    size = read_float(value.as_text());
  } else {
    size = to_float(expect_number(value));
  }
  if (!size || !std::isfinite(*size)) {
    template_fault("expected a number for filesizeformat(), got something else");
  }
  const double base = is_binary ? 1024 : 1000;
  if (*size == 1) {
    return "1 Byte";
  }
  if (*size < base) {
    return std::to_string(whole_of(*size)) + " Bytes";
  }
  double unit = base;
  size_t i = 0;
  constexpr std::string_view kLetters = "kMGTPEZY";
  while (i < 7 && *size >= unit * base) {
    unit *= base;
    ++i;
  }
  const std::string letter(1, is_binary && i == 0 ? 'K' : kLetters[i]);
  NumberFormat format;
  format.type = 'f';
  format.precision = 1;
  return digits_of_float(runtime, base * *size / (unit * base), format) + " " + letter +
      (is_binary ? "iB" : "B");
}

} // namespace

std::span<const TemplateFunctionEntry> number_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>({
      {"abs", absolute},
      {"int", to_int},
      {"float", to_float_number},
      {"round", round},
      {"filesizeformat", file_size},
  });
  return kFilters;
}

} // namespace omni
