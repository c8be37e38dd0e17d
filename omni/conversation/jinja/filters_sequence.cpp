// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters that look at values one after the other, and default values.
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/text_change.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

TemplateValue
length(TemplateRuntime&, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("length", given);
  const auto size = length_of(value);
  if (!size) {
    template_fault("expected a value that has a length, got " + type_name(value));
  }
  return *size;
}

TemplateValue
fallback(TemplateRuntime&, const TemplateValue& value, TemplateArguments& arguments) {
  const TemplateParameters given("default", arguments, {"default_value", "boolean"});
  const bool is_missing =
      is_undefined(value) || (given.has(1) && is_true(given[1]) && !is_true(value));
  return is_missing ? given.get(0, TemplateValue("")) : value;
}

TemplateValue
first(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("first", given);
  auto item = TemplateIterator(runtime, value).next();
  return item ? std::move(*item) : undefined("No first item, sequence was empty.");
}

// The items from the last to the first; none where Python's reversed() has none.
std::optional<TemplateValue::Items> reversed(
    TemplateRuntime& runtime,
    const TemplateValue& value) {
  const bool is_generator = object_of<GeneratorObject>(value) != nullptr;
  if (!is_iterable(value) || is_generator || !length_of(value)) {
    return std::nullopt;
  }
  TemplateValue::Items items = items_of(runtime, value);
  std::reverse(items.begin(), items.end());
  return items;
}

TemplateValue
last(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("last", given);
  const auto items = reversed(runtime, value);
  if (!items) {
    template_fault("expected a value with a last item, got " + type_name(value));
  }
  return items->empty() ? undefined("No last item, sequence was empty.")
                        : items->front();
}

TemplateValue reverse(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("reverse", given);
  if (value.is_text()) {
    runtime.charge(value.weight());
    std::u32string all = characters_of(value.as_text());
    std::reverse(all.begin(), all.end());
    return runtime.text_like(value, text_of(all));
  }
  const auto items = reversed(runtime, value);
  if (!items) {
    TemplateValue::Items all = items_of(runtime, value);
    std::reverse(all.begin(), all.end());
    return runtime.list(std::move(all));
  }
  const TemplateValue list = runtime.list(*items);
  return runtime.checked(generator(
      [list, i = size_t{0}]() mutable -> std::optional<TemplateValue> {
        return i < list.items().size() ? std::optional(list.items()[i++])
                                       : std::nullopt;
      },
      list.depth()));
}

TemplateValue join(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("join", arguments, {"d", "attribute"});
  TemplateValue separator = given.get(0, TemplateValue(""));
  if (!separator.is_text()) {
    TemplateArguments none;
    separator = find_template_filter("string")(runtime, separator, none);
  }
  separator = TemplateValue(separator.as_text()); // escapes nothing
  if (given[1].is_none()) {
    return joined_texts(runtime, separator, value, false);
  }
  TemplateValue::Items parts;
  for (const TemplateValue& item : items_of(runtime, value)) {
    parts.push_back(path_of(runtime, item, given[1]));
  }
  return joined_texts(runtime, separator, runtime.list(std::move(parts)), false);
}

TemplateValue
list(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("list", given);
  return runtime.list(items_of(runtime, value));
}

TemplateValue
items(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("items", given);
  return runtime.checked(generator(
      [value, i = size_t{0}]() mutable -> std::optional<TemplateValue> {
        if (!is_undefined(value) && value.kind() != Kind::Dict) {
          template_fault("expected a dict for items(), got " + type_name(value));
        }
        if (is_undefined(value) || i >= value.as_dict().entries().size()) {
          return std::nullopt;
        }
        const auto& [key, part] = value.as_dict().entries()[i++];
        return TemplateValue::tuple({key, part});
      },
      value.depth()));
}

TemplateValue attr(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("attr", arguments, {"name"}, 1);
  if (!given[0].is_text()) {
    template_fault("expected the name of an attribute, got " + type_name(given[0]));
  }
  // A dict without entries has the same attributes, and no items to fall back on.
  const TemplateValue object =
      value.kind() == Kind::Dict && value.as_dict().find(given[0]) != nullptr
      ? TemplateValue::dict()
      : value;
  return attribute_of(runtime, object, given[0]);
}

TemplateValue batch(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("batch", arguments, {"linecount", "fill_with"}, 1);
  const int64_t count = given.integer(0, 0);
  const TemplateValue fill = given[1];
  return runtime.checked(generator(
      [&runtime, count, fill, rest = TemplateIterator(runtime, value),
       next = std::optional<TemplateValue>(),
       is_done = false]() mutable -> std::optional<TemplateValue> {
        TemplateValue::Items line;
        if (next) {
          line.push_back(*std::exchange(next, std::nullopt));
        }
        while (!is_done) {
          next = rest.next();
          is_done = !next;
          if (is_done || static_cast<int64_t>(line.size()) == count) {
            break;
          }
          line.push_back(*std::exchange(next, std::nullopt));
        }
        if (line.empty() && is_done && !next) {
          return std::nullopt;
        }
        if (is_done && !fill.is_none() && static_cast<int64_t>(line.size()) < count) {
          runtime.charge_items(count);
          line.resize(static_cast<size_t>(count), fill);
        }
        return runtime.list(std::move(line));
      },
      std::max(value.depth(), fill.depth())));
}

TemplateValue slice(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("slice", arguments, {"slices", "fill_with"}, 1);
  const int64_t num_slices = given.integer(0, 0);
  if (num_slices == 0) {
    template_fault("expected at least one slice, got 0");
  }
  const TemplateValue::Items all = items_of(runtime, value);
  const auto size = static_cast<int64_t>(all.size());
  runtime.charge_items(std::max<int64_t>(num_slices, 0));
  TemplateValue::Items slices;
  int64_t begin = 0;
  for (int64_t i = 0; i < num_slices; ++i) {
    const bool has_extra = i < size % num_slices;
    const int64_t end = begin + size / num_slices + (has_extra ? 1 : 0);
    TemplateValue::Items part(all.begin() + begin, all.begin() + end);
    if (!given[1].is_none() && !has_extra) {
      part.push_back(given[1]);
    }
    slices.push_back(runtime.list(std::move(part)));
    begin = end;
  }
  const TemplateValue made = runtime.list(std::move(slices));
  return runtime.checked(generator(
      [made, i = size_t{0}]() mutable -> std::optional<TemplateValue> {
        return i < made.items().size() ? std::optional(made.items()[i++])
                                       : std::nullopt;
      },
      made.depth()));
}

TemplateValue sum(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("sum", arguments, {"attribute", "start"});
  TemplateValue total = given.get(1, TemplateValue(0));
  if (total.is_text()) {
    template_fault("expected sum() to start with a number, got a text");
  }
  TemplateIterator rest(runtime, value);
  while (const auto item = rest.next()) {
    total = binary_result(
        runtime, BinaryOperator::Add, total, path_of(runtime, *item, given[0]));
  }
  return total;
}

} // namespace

std::span<const TemplateFunctionEntry> sequence_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>({
      {"length", length},
      {"count", length},
      {"default", fallback},
      {"d", fallback},
      {"first", first},
      {"last", last},
      {"reverse", reverse},
      {"join", join},
      {"list", list},
      {"items", items},
      {"attr", attr},
      {"batch", batch},
      {"slice", slice},
      {"sum", sum},
  });
  return kFilters;
}

} // namespace omni
