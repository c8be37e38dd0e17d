// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/arithmetic.h"

#include <cmath>
#include <limits>

#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/format.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;
using Op = BinaryOperator;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

const char* sign_of(Op op) {
  switch (op) {
    case Op::Add:
      return "+";
    case Op::Subtract:
      return "-";
    case Op::Multiply:
      return "*";
    case Op::Divide:
      return "/";
    case Op::FloorDivide:
      return "//";
    case Op::Modulo:
      return "%";
    default:
      return "**";
  }
}

[[noreturn]] void fail_for_size() {
  template_fault("expected whole numbers within 64 bits, got a larger one");
}

[[noreturn]] void fail_for_zero() {
  template_fault("expected a divisor other than 0, got 0");
}

bool is_int(const TemplateValue& value) {
  return value.kind() == Kind::Int || value.kind() == Kind::Bool;
}

int64_t int_of(const TemplateValue& value) {
  return value.kind() == Kind::Bool ? (value.as_bool() ? 1 : 0) : value.as_int();
}

bool is_sequence(const TemplateValue& value) {
  return value.is_text() || value.kind() == Kind::List || value.kind() == Kind::Tuple;
}

double float_power(double base, double exponent) {
  if (base == 0 && exponent < 0) {
    fail_for_zero();
  }
  if (base < 0 && std::isfinite(exponent) && exponent != std::floor(exponent)) {
    template_fault("expected a power that is a number, got one that is complex");
  }
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) {
    template_fault("expected a power that a float can hold, got a larger one");
  }
  return result;
}

int64_t int_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) == 1 && __builtin_mul_overflow(result, base, &result)) {
      fail_for_size();
    }
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
      fail_for_size();
    }
  }
  return result;
}

// The divisor is not 0. Rounds down, as the remainder has the sign of the divisor.
int64_t floor_quotient(int64_t left, int64_t right) {
  if (left == kLeast && right == -1) {
    fail_for_size();
  }
  const int64_t quotient = left / right;
  return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

int64_t floor_remainder(int64_t left, int64_t right) {
  if (right == -1) {
    return 0;
  }
  const int64_t rest = left % right;
  return rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest;
}

struct FloatDivision {
  double quotient;
  double rest;
};

FloatDivision floor_division(double left, double right) {
  double rest = std::fmod(left, right);
  double quotient = (left - rest) / right;
  if (rest != 0) {
    if ((right < 0) != (rest < 0)) {
      rest += right;
      quotient -= 1;
    }
  } else {
    rest = std::copysign(0.0, right);
  }
  if (quotient == 0) {
    return {std::copysign(0.0, left / right), rest};
  }
  const double whole = std::floor(quotient);
  return {quotient - whole > 0.5 ? whole + 1 : whole, rest};
}

TemplateValue of_ints(Op op, int64_t left, int64_t right) {
  int64_t result = 0;
  switch (op) {
    case Op::Add:
      return __builtin_add_overflow(left, right, &result) ? fail_for_size(),
             result                                       : result;
    case Op::Subtract:
      return __builtin_sub_overflow(left, right, &result) ? fail_for_size(),
             result                                       : result;
    case Op::Multiply:
      return __builtin_mul_overflow(left, right, &result) ? fail_for_size(),
             result                                       : result;
    case Op::Power:
      if (right < 0) {
        return float_power(static_cast<double>(left), static_cast<double>(right));
      }
      return int_power(left, right);
    default:
      break;
  }
  if (right == 0) {
    fail_for_zero();
  }
  switch (op) {
    case Op::Divide:
      return static_cast<double>(
          static_cast<long double>(left) / static_cast<long double>(right));
    case Op::FloorDivide:
      return floor_quotient(left, right);
    default:
      return floor_remainder(left, right);
  }
}

TemplateValue of_floats(Op op, double left, double right) {
  switch (op) {
    case Op::Add:
      return left + right;
    case Op::Subtract:
      return left - right;
    case Op::Multiply:
      return left * right;
    case Op::Power:
      return float_power(left, right);
    default:
      break;
  }
  if (right == 0) {
    fail_for_zero();
  }
  if (op == Op::Divide) {
    return left / right;
  }
  const FloatDivision division = floor_division(left, right);
  return op == Op::FloorDivide ? division.quotient : division.rest;
}

TemplateValue joined(
    TemplateRuntime& runtime,
    const TemplateValue& left,
    const TemplateValue& right) {
  if (left.is_markup() || right.is_markup()) {
    std::string text = escaped(runtime, left) + escaped(runtime, right);
    runtime.charge_text(static_cast<int64_t>(text.size()));
    return TemplateValue::markup(std::move(text));
  }
  if (left.is_text()) {
    runtime.charge_text(
        static_cast<int64_t>(left.as_text().size() + right.as_text().size()));
    return left.as_text() + right.as_text();
  }
  TemplateValue::Items items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.kind() == Kind::List ? runtime.list(std::move(items))
                                   : runtime.tuple(std::move(items));
}

TemplateValue
repeated(TemplateRuntime& runtime, const TemplateValue& value, int64_t times) {
  times = std::max<int64_t>(times, 0);
  const auto size = static_cast<int64_t>(
      value.is_text() ? value.as_text().size() : value.items().size());
  int64_t total = 0;
  if (__builtin_mul_overflow(size, times, &total)) {
    total = std::numeric_limits<int64_t>::max();
  }
  if (value.is_text()) {
    runtime.charge_text(total);
    std::string text;
    text.reserve(static_cast<size_t>(total));
    for (int64_t i = 0; i < times && size > 0; ++i) {
      text += value.as_text();
    }
    return value.is_markup() ? TemplateValue::markup(std::move(text))
                             : TemplateValue(std::move(text));
  }
  runtime.charge_items(total);
  TemplateValue::Items items;
  items.reserve(static_cast<size_t>(total));
  for (int64_t i = 0; i < times && size > 0; ++i) {
    items.insert(items.end(), value.items().begin(), value.items().end());
  }
  return value.kind() == Kind::List ? runtime.list(std::move(items))
                                    : runtime.tuple(std::move(items));
}

} // namespace

double to_float(const TemplateValue& number) {
  return number.kind() == Kind::Float ? number.as_float()
                                      : static_cast<double>(int_of(number));
}

TemplateValue binary_result(
    TemplateRuntime& runtime,
    BinaryOperator op,
    const TemplateValue& left,
    const TemplateValue& right) {
  if (is_int(left) && is_int(right)) {
    return of_ints(op, int_of(left), int_of(right));
  }
  if (is_number(left) && is_number(right)) {
    return of_floats(op, to_float(left), to_float(right));
  }
  if (op == Op::Modulo && left.is_text()) {
    return format_by_percent(runtime, left, right);
  }
  expect_defined(left);
  expect_defined(right);
  if (op == Op::Add && is_sequence(left) && left.kind() == right.kind()) {
    return joined(runtime, left, right);
  }
  if (op == Op::Multiply && is_sequence(left) && is_int(right)) {
    return repeated(runtime, left, int_of(right));
  }
  if (op == Op::Multiply && is_int(left) && is_sequence(right)) {
    return repeated(runtime, right, int_of(left));
  }
  template_fault(
      std::string("expected values that ") + sign_of(op) + " takes, got " +
      type_name(left) + " and " + type_name(right));
}

TemplateValue negated(const TemplateValue& value) {
  if (is_int(value)) {
    return of_ints(Op::Subtract, 0, int_of(value));
  }
  if (value.kind() == Kind::Float) {
    return -value.as_float();
  }
  expect_defined(value);
  template_fault("expected a number behind -, got " + type_name(value));
}

TemplateValue unchanged(const TemplateValue& value) {
  if (is_int(value)) {
    return int_of(value);
  }
  if (value.kind() == Kind::Float) {
    return value;
  }
  expect_defined(value);
  template_fault("expected a number behind +, got " + type_name(value));
}

std::string escaped(TemplateRuntime& runtime, const TemplateValue& value) {
  std::string text = to_text(runtime, value);
  if (value.is_markup()) {
    return text;
  }
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      case '"':
        safe += "&#34;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

} // namespace omni
