// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/access.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/macro.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;
using Entries = std::span<const TemplateFunctionEntry>;

std::optional<TemplateValue>
method_of(const TemplateValue& object, std::string_view name, Entries methods) {
  const auto found = std::find_if(
      methods.begin(), methods.end(),
      [&](const TemplateFunctionEntry& entry) { return name == entry.name; });
  if (found == methods.end()) {
    return std::nullopt;
  }
  return TemplateValue(std::make_shared<FunctionObject>(*found, object));
}

bool changes(const TemplateValue& object, std::string_view name) {
  constexpr std::array kListNames = {"append", "clear", "pop",    "reverse",
                                     "insert", "sort",  "extend", "remove"};
  constexpr std::array kDictNames = {"clear", "pop", "popitem", "setdefault", "update"};
  const auto has = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return (object.kind() == Kind::List && has(kListNames)) ||
      (object.kind() == Kind::Dict && has(kDictNames));
}

TemplateValue unsafe(const TemplateValue& object, std::string_view name) {
  return undefined(
      "expected no use of the attribute '" + std::string(name) + "' of a " +
      type_name(object) + ", which templates may not change or look into");
}

std::optional<TemplateValue> part_of_loop(LoopObject& loop, std::string_view name) {
  const int64_t index0 = loop.index0();
  if (name == "index0") {
    return index0;
  }
  if (name == "index") {
    return index0 + 1;
  }
  if (name == "revindex0") {
    return loop.length() - index0 - 1;
  }
  if (name == "revindex") {
    return loop.length() - index0;
  }
  if (name == "first") {
    return index0 == 0;
  }
  if (name == "last") {
    return !loop.peek().has_value();
  }
  if (name == "length") {
    return loop.length();
  }
  if (name == "depth") {
    return loop.level + 1;
  }
  if (name == "depth0") {
    return loop.level;
  }
  if (name == "previtem") {
    return index0 > 0 && loop.previous() ? *loop.previous()
                                         : undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return loop.peek() ? *loop.peek() : undefined("there is no next item");
  }
  return std::nullopt;
}

std::optional<TemplateValue> part_of_macro(
    const MacroObject& macro,
    std::string_view name) {
  if (name == "name") {
    return macro.name().empty() ? TemplateValue() : TemplateValue(macro.name());
  }
  if (name == "arguments") {
    TemplateValue::Items names(
        macro.syntax.parameters.begin(), macro.syntax.parameters.end());
    return TemplateValue::tuple(std::move(names));
  }
  if (name == "catch_kwargs") {
    return macro.syntax.kwargs_slot >= 0;
  }
  if (name == "catch_varargs") {
    return macro.syntax.varargs_slot >= 0;
  }
  if (name == "caller") {
    return macro.syntax.caller_slot >= 0;
  }
  return std::nullopt;
}

// What Python finds by getattr(), without looking at items.
std::optional<TemplateValue> find_attribute(
    const TemplateValue& object,
    std::string_view name) {
  std::optional<TemplateValue> found;
  if (object.is_text()) {
    for (const Entries methods :
         {text_search_methods(), text_change_methods(), text_split_methods()}) {
      found = found ? found : method_of(object, name, methods);
    }
  } else if (object.kind() == Kind::List || object.kind() == Kind::Tuple) {
    if (object.kind() == Kind::Tuple && object.items().size() == 2 &&
        (name == "grouper" || name == "list")) { // of the filter groupby
      return object.items()[name == "grouper" ? 0 : 1];
    }
    found = method_of(object, name, sequence_methods());
    if (object.kind() == Kind::Tuple && name == "copy") {
      found.reset();
    }
  } else if (object.kind() == Kind::Dict) {
    found = method_of(object, name, dict_methods());
  } else if (auto* loop = object_of<LoopObject>(object)) {
    found = part_of_loop(*loop, name);
    found = found ? found : method_of(object, name, loop_methods());
  } else if (const auto* macro = object_of<MacroObject>(object)) {
    found = part_of_macro(*macro, name);
  } else if (const auto* cycler = object_of<CyclerObject>(object)) {
    found = name == "current" ? cycler->items[cycler->position]
                              : method_of(object, name, cycler_methods());
  } else if (const auto* names = object_of<NamespaceObject>(object)) {
    if (const TemplateValue* value = names->find(std::string(name))) {
      found = *value;
    }
  }
  if (found && name.starts_with('_')) {
    return unsafe(object, name);
  }
  return found;
}

std::optional<int64_t> index_of(const TemplateValue& index) {
  switch (index.kind()) {
    case Kind::Int:
      return index.as_int();
    case Kind::Bool:
      return index.as_bool() ? 1 : 0;
    default:
      return std::nullopt;
  }
}

// What Python finds by object[index].
std::optional<TemplateValue> find_item(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& index) {
  if (object.kind() == Kind::Dict) {
    runtime.charge(index.weight());
    const TemplateValue* value = object.as_dict().find(index);
    return value != nullptr ? std::optional(*value) : std::nullopt;
  }
  const auto place = index_of(index);
  if (!place) {
    return std::nullopt;
  }
  if (object.is_text()) {
    runtime.charge(object.weight());
    const auto character = character_at(object, *place);
    return character ? std::optional(runtime.text_like(object, std::string(*character)))
                     : std::nullopt;
  }
  if (object.kind() == Kind::List || object.kind() == Kind::Tuple) {
    const auto position =
        position_in(*place, static_cast<int64_t>(object.items().size()));
    return position ? std::optional(object.items()[*position]) : std::nullopt;
  }
  if (const auto* range = object_of<RangeObject>(object)) {
    const auto position = position_in(*place, range->size());
    if (position) {
      return range->start + static_cast<int64_t>(*position) * range->step;
    }
  }
  return std::nullopt;
}

} // namespace

TemplateValue attribute_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& name) {
  expect_defined(object);
  if (changes(object, name.as_text())) {
    return unsafe(object, name.as_text());
  }
  if (auto found = find_attribute(object, name.as_text())) {
    return runtime.checked(std::move(*found));
  }
  auto item = find_item(runtime, object, name);
  return item ? std::move(*item) : undefined_part(object, name);
}

TemplateValue item_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& index) {
  expect_defined(object);
  if (auto item = find_item(runtime, object, index)) {
    return std::move(*item);
  }
  if (index.is_text()) {
    if (changes(object, index.as_text())) {
      return unsafe(object, index.as_text());
    }
    if (auto found = find_attribute(object, index.as_text())) {
      return runtime.checked(std::move(*found));
    }
  }
  return undefined_part(object, index);
}

namespace {

struct Slice {
  int64_t start;
  int64_t stop;
  int64_t step;
  int64_t size;
};

int64_t bound_of(
    const TemplateValue& bound,
    int64_t fallback,
    int64_t low,
    int64_t high,
    int64_t length) {
  if (bound.is_none()) {
    return fallback;
  }
  const auto index = index_of(bound);
  if (!index) {
    expect_defined(bound);
    template_fault("expected whole numbers in a slice, got " + type_name(bound));
  }
  return std::clamp(*index < 0 ? *index + length : *index, low, high);
}

Slice slice_within(
    int64_t length,
    const TemplateValue& start,
    const TemplateValue& stop,
    const TemplateValue& step) {
  const int64_t by = bound_of(step, 1, INT32_MIN, INT32_MAX, 0);
  if (by == 0) {
    template_fault("expected a slice with a step other than 0, got 0");
  }
  const int64_t low = by < 0 ? -1 : 0;
  const int64_t high = by < 0 ? length - 1 : length;
  const int64_t first = bound_of(start, by < 0 ? high : low, low, high, length);
  const int64_t end = bound_of(stop, by < 0 ? low : high, low, high, length);
  const int64_t distance = by < 0 ? first - end : end - first;
  const int64_t width = by < 0 ? -by : by;
  return {first, end, by, distance <= 0 ? 0 : (distance - 1) / width + 1};
}

} // namespace

TemplateValue slice_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& start,
    const TemplateValue& stop,
    const TemplateValue& step) {
  expect_defined(object);
  const bool is_items = object.kind() == Kind::List || object.kind() == Kind::Tuple;
  const auto* range = object_of<RangeObject>(object);
  if (!object.is_text() && !is_items && range == nullptr) {
    template_fault("expected a text or a list to slice, got " + type_name(object));
  }
  const Slice slice = slice_within(*length_of(object), start, stop, step);
  if (range != nullptr) {
    return {std::make_shared<RangeObject>(
        range->start + slice.start * range->step,
        range->start + slice.stop * range->step, range->step * slice.step)};
  }
  if (is_items) {
    runtime.charge_items(slice.size);
    TemplateValue::Items items;
    for (int64_t i = 0; i < slice.size; ++i) {
      items.push_back(
          object.items()[static_cast<size_t>(slice.start + i * slice.step)]);
    }
    return object.kind() == Kind::List ? runtime.list(std::move(items))
                                       : runtime.tuple(std::move(items));
  }
  runtime.charge(object.weight());
  const std::string& text = object.as_text();
  if (slice.step == 1 && static_cast<int64_t>(text.size()) == object.num_characters()) {
    return runtime.text_like(
        object,
        text.substr(static_cast<size_t>(slice.start), static_cast<size_t>(slice.size)));
  }
  const std::u32string all = characters_of(text);
  std::u32string part;
  for (int64_t i = 0; i < slice.size; ++i) {
    part += all[static_cast<size_t>(slice.start + i * slice.step)];
  }
  return runtime.text_like(object, text_of(part));
}

TemplateValue path_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& path,
    const TemplateValue* fallback) {
  TemplateValue value = object;
  const auto step = [&](const TemplateValue& part) {
    value = item_of(runtime, value, part);
    if (fallback != nullptr && is_undefined(value)) {
      value = *fallback;
    }
  };
  if (path.is_none()) {
    return value;
  }
  if (!path.is_text()) {
    step(path);
    return value;
  }
  std::string_view rest = path.as_text();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    int64_t index = 0;
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + name.size(), index);
    const bool is_index =
        error == std::errc() && end == name.data() + name.size() && name.front() != '-';
    step(is_index ? TemplateValue(index) : TemplateValue(name));
    if (dot == std::string_view::npos) {
      return value;
    }
    rest.remove_prefix(dot + 1);
  }
}

} // namespace omni
