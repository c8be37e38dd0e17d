// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/compare.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

bool is_sequence(const TemplateValue& value) {
  return value.kind() == Kind::List || value.kind() == Kind::Tuple;
}

// Wide enough for every int64_t and every double on the machines we build for.
long double number_of(const TemplateValue& value) {
  switch (value.kind()) {
    case Kind::Bool:
      return value.as_bool() ? 1.0L : 0.0L;
    case Kind::Int:
      return static_cast<long double>(value.as_int());
    default:
      return static_cast<long double>(value.as_float());
  }
}

bool dicts_are_equal(const TemplateDict& left, const TemplateDict& right) {
  return left.size() == right.size() &&
      std::all_of(left.entries().begin(), left.entries().end(), [&](const auto& entry) {
           const TemplateValue* other = right.find(entry.first);
           return other != nullptr && equals(entry.second, *other);
         });
}

bool objects_are_equal(const TemplateValue& left, const TemplateValue& right) {
  const auto* left_range = object_of<RangeObject>(left);
  const auto* right_range = object_of<RangeObject>(right);
  if (left_range != nullptr && right_range != nullptr) {
    const int64_t size = left_range->size();
    return size == right_range->size() &&
        (size == 0 || left_range->start == right_range->start) &&
        (size <= 1 || left_range->step == right_range->step);
  }
  if (is_undefined(left) && is_undefined(right)) {
    return true;
  }
  return left.object() == right.object();
}

size_t mixed(size_t hash) {
  hash ^= hash >> 30U;
  hash *= 0xBF58476D1CE4E5B9U;
  hash ^= hash >> 27U;
  hash *= 0x94D049BB133111EBU;
  return hash ^ hash >> 31U;
}

} // namespace

bool is_number(const TemplateValue& value) {
  return value.kind() == Kind::Bool || value.kind() == Kind::Int ||
      value.kind() == Kind::Float;
}

int compare_numbers(const TemplateValue& left, const TemplateValue& right) {
  if (!is_number(left) || !is_number(right)) {
    return 2;
  }
  const long double a = number_of(left);
  const long double b = number_of(right);
  return std::isnan(a) || std::isnan(b) ? 2 : a < b ? -1 : a > b ? 1 : 0;
}

bool is_true(const TemplateValue& value) {
  switch (value.kind()) {
    case Kind::None:
      return false;
    case Kind::Bool:
      return value.as_bool();
    case Kind::Int:
      return value.as_int() != 0;
    case Kind::Float:
      return value.as_float() != 0;
    case Kind::Text:
      return !value.as_text().empty();
    case Kind::List:
    case Kind::Tuple:
      return !value.items().empty();
    case Kind::Dict:
      return value.as_dict().size() > 0;
    case Kind::Object:
      break;
  }
  if (const auto length = length_of(value)) {
    return *length > 0;
  }
  return true;
}

bool equals(const TemplateValue& left, const TemplateValue& right) {
  if (is_number(left) && is_number(right)) {
    return compare_numbers(left, right) == 0;
  }
  if (left.kind() != right.kind()) {
    return false;
  }
  switch (left.kind()) {
    case Kind::None:
      return true;
    case Kind::Text:
      return left.as_text() == right.as_text();
    case Kind::List:
    case Kind::Tuple:
      return left.is_same(right) ||
          std::equal(
                 left.items().begin(), left.items().end(), right.items().begin(),
                 right.items().end(), equals);
    case Kind::Dict:
      return left.is_same(right) || dicts_are_equal(left.as_dict(), right.as_dict());
    default:
      return objects_are_equal(left, right);
  }
}

bool is_less(const TemplateValue& left, const TemplateValue& right) {
  if (is_number(left) && is_number(right)) {
    return compare_numbers(left, right) == -1;
  }
  if (left.is_text() && right.is_text()) {
    return left.as_text() < right.as_text(); // UTF-8 sorts as code points do
  }
  if (is_sequence(left) && left.kind() == right.kind()) {
    const auto& a = left.items();
    const auto& b = right.items();
    const auto [i, j] = std::mismatch(a.begin(), a.end(), b.begin(), b.end(), equals);
    return i == a.end() || j == b.end() ? a.size() < b.size() : is_less(*i, *j);
  }
  expect_defined(left);
  expect_defined(right);
  template_fault(
      "expected values that have an order, got " + type_name(left) + " and " +
      type_name(right));
}

bool is_at_most(const TemplateValue& left, const TemplateValue& right) {
  if (is_number(left) && is_number(right)) {
    const int order = compare_numbers(left, right);
    return order == -1 || order == 0;
  }
  return !is_less(right, left);
}

bool contains(
    TemplateRuntime& runtime,
    const TemplateValue& container,
    const TemplateValue& value) {
  if (container.is_text()) {
    if (!value.is_text()) {
      template_fault("expected a str to look for in a str, got " + type_name(value));
    }
    runtime.charge(container.weight());
    return container.as_text().find(value.as_text()) != std::string::npos;
  }
  const bool is_keys = object_of<DictViewObject>(container) != nullptr &&
      object_of<DictViewObject>(container)->part == DictViewObject::Part::Keys;
  if (container.kind() == Kind::Dict || is_keys) {
    const TemplateValue& dict =
        is_keys ? object_of<DictViewObject>(container)->dict : container;
    runtime.charge(value.weight());
    if (!is_hashable(value)) {
      template_fault("expected a key of a dict, got " + type_name(value));
    }
    return dict.as_dict().find(value) != nullptr;
  }
  if (is_sequence(container)) {
    runtime.charge(container.weight());
    return std::any_of(
        container.items().begin(), container.items().end(),
        [&](const TemplateValue& item) { return equals(item, value); });
  }
  TemplateIterator items(runtime, container);
  while (const auto item = items.next()) {
    runtime.charge(std::min(item->weight(), value.weight()));
    if (equals(*item, value)) {
      return true;
    }
  }
  return false;
}

bool is_hashable(const TemplateValue& value) {
  switch (value.kind()) {
    case Kind::List:
    case Kind::Dict:
      return false;
    case Kind::Tuple:
      return std::all_of(value.items().begin(), value.items().end(), is_hashable);
    default:
      return true;
  }
}

size_t hash_of_text(std::string_view text) {
  return mixed(std::hash<std::string_view>{}(text));
}

size_t hash_of(const TemplateValue& value) {
  switch (value.kind()) {
    case Kind::Text:
      return hash_of_text(value.as_text());
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float: // equal numbers of all kinds have equal hashes
      return mixed(std::hash<double>{}(static_cast<double>(number_of(value))));
    case Kind::Tuple: {
      size_t hash = 1;
      for (const TemplateValue& item : value.items()) {
        hash = mixed(hash + hash_of(item));
      }
      return hash;
    }
    case Kind::Object:
      return is_undefined(value) ? 7 : std::hash<void*>{}(value.object().get());
    default:
      return 3;
  }
}

} // namespace omni
