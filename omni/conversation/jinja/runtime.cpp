// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/runtime.h"

#include <algorithm>

#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/object.h"

namespace omni {

void template_fault(const std::string& message) {
  throw TemplateFault(message);
}

TemplateRuntime::~TemplateRuntime() {
  for (const auto& object : kept_) {
    object->clear();
  }
}

void TemplateRuntime::fail_for_steps() const {
  template_fault(
      "expected a template that ends within " + std::to_string(options_.max_steps) +
      " steps (max_steps) and a hundred more for each value given, got one that goes "
      "on");
}

void TemplateRuntime::enter() {
  // A call is made of a handful of expressions and statements inside each other.
  constexpr int64_t kLevelsPerCall = 5;
  if (depth_ >= kLevelsPerCall * options_.max_depth) {
    template_fault(
        "expected calls up to about " + std::to_string(options_.max_depth) +
        " inside each other (max_depth), got more");
  }
  ++depth_;
}

void TemplateRuntime::charge_text(int64_t num_bytes) {
  if (num_bytes > options_.max_text_bytes) {
    template_fault(
        "expected texts up to " + std::to_string(options_.max_text_bytes) +
        " bytes (max_text_bytes), got one of " + std::to_string(num_bytes));
  }
  charge(1 + num_bytes / kTextBytesPerStep);
}

void TemplateRuntime::charge_items(int64_t num_items) {
  if (num_items > options_.max_items) {
    template_fault(
        "expected lists and ranges up to " + std::to_string(options_.max_items) +
        " items (max_items), got one of " + std::to_string(num_items));
  }
  charge(1 + num_items);
}

TemplateValue TemplateRuntime::checked(TemplateValue value) const {
  if (value.depth() > options_.max_depth) {
    template_fault(
        "expected values up to " + std::to_string(options_.max_depth) +
        " deep inside each other (max_depth), got more");
  }
  return value;
}

TemplateValue TemplateRuntime::list(TemplateValue::Items items) {
  charge_items(static_cast<int64_t>(items.size()));
  return checked(TemplateValue::list(std::move(items)));
}

TemplateValue TemplateRuntime::tuple(TemplateValue::Items items) {
  charge_items(static_cast<int64_t>(items.size()));
  return checked(TemplateValue::tuple(std::move(items)));
}

TemplateValue TemplateRuntime::dict(TemplateValue::Entries entries) {
  charge_items(static_cast<int64_t>(entries.size()));
  for (const auto& [key, value] : entries) {
    charge(key.weight());
    if (!is_hashable(key)) {
      template_fault(
          "expected a key of a dict that does not change, got one of type " +
          type_name(key));
    }
  }
  return checked(TemplateValue::dict(std::move(entries)));
}

TemplateValue TemplateRuntime::text(std::string text) {
  charge_text(static_cast<int64_t>(text.size()));
  return {std::move(text)};
}

TemplateValue TemplateRuntime::text_like(
    const TemplateValue& source,
    std::string text) {
  charge_text(static_cast<int64_t>(text.size()));
  return source.is_markup() ? TemplateValue::markup(std::move(text))
                            : TemplateValue(std::move(text));
}

TemplateValue TemplateRuntime::keep(std::shared_ptr<TemplateObject> object) {
  charge(10);
  kept_.push_back(object);
  return {std::move(object)};
}

TemplateParameters::TemplateParameters(
    const char* function,
    TemplateArguments& arguments,
    std::initializer_list<const char*> names,
    size_t num_required)
    : function_(function), values_(names.size()) {
  if (arguments.positional.size() > names.size()) {
    template_fault(
        std::string("expected at most ") + std::to_string(names.size()) +
        " arguments for " + function + "(), got " +
        std::to_string(arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = {std::move(arguments.positional[i]), true};
  }
  for (auto& [name, value] : arguments.keyword) {
    const auto* known = std::find(names.begin(), names.end(), name);
    const auto i = static_cast<size_t>(known - names.begin());
    if (known == names.end() || values_[i].second) {
      template_fault(
          std::string("expected the arguments of ") + function + "() once each, got " +
          (known == names.end() ? "an unknown \"" : "two for \"") + name + "\"");
    }
    values_[i] = {std::move(value), true};
  }
  for (size_t i = 0; i < num_required; ++i) {
    if (!values_[i].second) {
      template_fault(
          std::string("expected an argument \"") + *(names.begin() + i) + "\" for " +
          function + "(), got none");
    }
  }
}

int64_t TemplateParameters::integer(size_t i, int64_t fallback) const {
  if (!has(i)) {
    return fallback;
  }
  const TemplateValue& value = values_[i].first;
  if (value.kind() == TemplateValue::Kind::Int) {
    return value.as_int();
  }
  if (value.kind() == TemplateValue::Kind::Bool) {
    return value.as_bool() ? 1 : 0;
  }
  expect_defined(value);
  template_fault(
      std::string("expected whole numbers as arguments of ") + function_ + "(), got " +
      type_name(value));
}

bool TemplateParameters::truth(size_t i, bool fallback) const {
  if (!has(i)) {
    return fallback;
  }
  const TemplateValue& value = values_[i].first;
  switch (value.kind()) {
    case TemplateValue::Kind::None:
      return false;
    case TemplateValue::Kind::Bool:
      return value.as_bool();
    case TemplateValue::Kind::Int:
      return value.as_int() != 0;
    case TemplateValue::Kind::Text:
      return !value.as_text().empty();
    default:
      return !is_undefined(value);
  }
}

std::string TemplateParameters::text(size_t i, const std::string& fallback) const {
  if (!has(i)) {
    return fallback;
  }
  const TemplateValue& value = values_[i].first;
  if (!value.is_text()) {
    template_fault(
        std::string("expected texts as arguments of ") + function_ + "(), got " +
        type_name(value));
  }
  return value.as_text();
}

void expect_no_arguments(const char* function, const TemplateArguments& arguments) {
  if (!arguments.positional.empty() || !arguments.keyword.empty()) {
    template_fault(std::string("expected no arguments for ") + function + "()");
  }
}

} // namespace omni
