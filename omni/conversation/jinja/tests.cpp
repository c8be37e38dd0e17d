// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/tests.h"

#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

template <bool (*test)(const TemplateValue&)>
TemplateValue
simple(TemplateRuntime&, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("a test of this kind", given);
  return test(value);
}

template <Kind kind>
bool is_kind(const TemplateValue& value) {
  return value.kind() == kind;
}

template <bool truth>
bool is_bool(const TemplateValue& value) {
  return value.kind() == Kind::Bool && value.as_bool() == truth;
}

bool is_defined(const TemplateValue& value) {
  return !is_undefined(value);
}

bool is_markup(const TemplateValue& value) {
  return value.is_markup();
}

bool is_callable(const TemplateValue& value) {
  if (value.kind() != Kind::Object) {
    return false;
  }
  switch (value.object()->kind()) {
    case TemplateObject::Kind::Undefined:
    case TemplateObject::Kind::Function:
    case TemplateObject::Kind::Macro:
    case TemplateObject::Kind::Loop:
    case TemplateObject::Kind::Joiner:
      return true;
    default:
      return false;
  }
}

// What has a length and can be asked for items.
bool is_sequence(const TemplateValue& value) {
  if (value.kind() != Kind::Object) {
    return length_of(value).has_value();
  }
  return is_undefined(value) || object_of<RangeObject>(value) != nullptr;
}

TemplateValue remainder(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    const TemplateValue& divisor) {
  return binary_result(runtime, BinaryOperator::Modulo, value, divisor);
}

template <int rest>
TemplateValue has_parity(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("odd and even", given);
  return equals(remainder(runtime, value, TemplateValue(2)), TemplateValue(rest));
}

TemplateValue divisible_by(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("divisibleby", arguments, {"num"}, 1);
  return equals(remainder(runtime, value, given[0]), TemplateValue(0));
}

enum class Order { Equal, Unequal, Less, LessEqual, Greater, GreaterEqual };

template <Order order>
TemplateValue compare(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("a comparison", arguments, {"other"}, 1);
  const TemplateValue& other = given[0];
  runtime.charge(std::min(value.weight(), other.weight()));
  switch (order) {
    case Order::Equal:
      return equals(value, other);
    case Order::Unequal:
      return !equals(value, other);
    case Order::Less:
      return is_less(value, other);
    case Order::LessEqual:
      return is_at_most(value, other);
    case Order::Greater:
      return is_less(other, value);
    default:
      return is_at_most(other, value);
  }
}

TemplateValue is_in(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("in", arguments, {"seq"}, 1);
  return contains(runtime, given[0], value);
}

TemplateValue
same_as(TemplateRuntime&, const TemplateValue& value, TemplateArguments& arguments) {
  const TemplateParameters given("sameas", arguments, {"other"}, 1);
  return value.is_same(given[0]);
}

template <bool is_filter>
TemplateValue is_known(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("filter and test", given);
  runtime.charge(value.weight());
  if (!is_hashable(value)) {
    template_fault("expected a name, got a value of type " + type_name(value));
  }
  return value.is_text() &&
      (is_filter ? find_template_filter(value.as_text())
                 : find_template_test(value.as_text())) != nullptr;
}

template <bool is_upper_case>
TemplateValue has_case(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("lower and upper", given);
  return find_entry(text_search_methods(), is_upper_case ? "isupper" : "islower")(
      runtime, runtime.text(to_text(runtime, value)), given);
}

} // namespace

TemplateFunction find_template_test(std::string_view name) {
  static constexpr std::array kTests = std::to_array<TemplateFunctionEntry>({
      {"defined", simple<is_defined>},
      {"undefined", simple<is_undefined>},
      {"none", simple<is_kind<Kind::None>>},
      {"boolean", simple<is_kind<Kind::Bool>>},
      {"true", simple<is_bool<true>>},
      {"false", simple<is_bool<false>>},
      {"integer", simple<is_kind<Kind::Int>>},
      {"float", simple<is_kind<Kind::Float>>},
      {"number", simple<is_number>},
      {"string", simple<is_kind<Kind::Text>>},
      {"mapping", simple<is_kind<Kind::Dict>>},
      {"sequence", simple<is_sequence>},
      {"iterable", simple<is_iterable>},
      {"callable", simple<is_callable>},
      {"escaped", simple<is_markup>},
      {"lower", has_case<false>},
      {"upper", has_case<true>},
      {"odd", has_parity<1>},
      {"even", has_parity<0>},
      {"divisibleby", divisible_by},
      {"sameas", same_as},
      {"in", is_in},
      {"filter", is_known<true>},
      {"test", is_known<false>},
      {"==", compare<Order::Equal>},
      {"eq", compare<Order::Equal>},
      {"equalto", compare<Order::Equal>},
      {"!=", compare<Order::Unequal>},
      {"ne", compare<Order::Unequal>},
      {"<", compare<Order::Less>},
      {"lt", compare<Order::Less>},
      {"lessthan", compare<Order::Less>},
      {"<=", compare<Order::LessEqual>},
      {"le", compare<Order::LessEqual>},
      {">", compare<Order::Greater>},
      {"gt", compare<Order::Greater>},
      {"greaterthan", compare<Order::Greater>},
      {">=", compare<Order::GreaterEqual>},
      {"ge", compare<Order::GreaterEqual>},
  });
  return find_entry(kTests, name);
}

} // namespace omni
