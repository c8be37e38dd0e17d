// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Methods of lists, tuples, dicts, cyclers and of the variable loop.
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/macro.h"

namespace omni {
namespace {

TemplateValue count(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("count", arguments, {"value"}, 1);
  runtime.charge(self.weight());
  return std::count_if(
      self.items().begin(), self.items().end(),
      [&](const TemplateValue& item) { return equals(item, given[0]); });
}

TemplateValue index(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("index", arguments, {"value", "start", "stop"}, 1);
  runtime.charge(self.weight());
  const auto& items = self.items();
  const auto size = static_cast<int64_t>(items.size());
  const auto bound = [&](size_t i, int64_t fallback) {
    const int64_t place = given.integer(i, fallback);
    return std::clamp<int64_t>(place < 0 ? place + size : place, 0, size);
  };
  for (int64_t i = bound(1, 0); i < bound(2, size); ++i) {
    if (equals(items[static_cast<size_t>(i)], given[0])) {
      return i;
    }
  }
  template_fault("expected a list that holds the value looked for, got one without it");
}

TemplateValue
copy(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments& given) {
  expect_no_arguments("copy", given);
  if (self.kind() == TemplateValue::Kind::Dict) {
    return runtime.dict(self.as_dict().entries());
  }
  return runtime.list(self.items());
}

template <DictViewObject::Part part>
TemplateValue
view(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments& given) {
  expect_no_arguments("keys, values and items", given);
  return runtime.checked(TemplateValue(std::make_shared<DictViewObject>(self, part)));
}

TemplateValue
get(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments& arguments) {
  // Python has no names for these.
  if (!arguments.keyword.empty()) {
    template_fault("expected arguments of get() without names, got names");
  }
  const TemplateParameters given("get", arguments, {"key", "default"}, 1);
  runtime.charge(given[0].weight());
  if (!is_hashable(given[0])) {
    template_fault("expected the key of a dict, got " + type_name(given[0]));
  }
  const TemplateValue* value = self.as_dict().find(given[0]);
  return value != nullptr ? *value : given[1];
}

TemplateValue
cycle(TemplateRuntime&, const TemplateValue& self, TemplateArguments& arguments) {
  const auto& items = arguments.positional;
  if (items.empty() || !arguments.keyword.empty()) {
    template_fault("expected values for loop.cycle(), got none");
  }
  const int64_t index0 = object_of<LoopObject>(self)->index0();
  return items[static_cast<size_t>(std::max<int64_t>(index0, 0)) % items.size()];
}

TemplateValue changed(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  auto* loop = object_of<LoopObject>(self);
  TemplateValue value = runtime.tuple(std::move(arguments.positional));
  runtime.charge(value.weight());
  if (loop->last_changed && equals(*loop->last_changed, value)) {
    return false;
  }
  loop->last_changed = std::move(value);
  return true;
}

TemplateValue
next(TemplateRuntime&, const TemplateValue& self, TemplateArguments& given) {
  expect_no_arguments("next", given);
  auto* cycler = object_of<CyclerObject>(self);
  const size_t position = cycler->position;
  cycler->position = (position + 1) % cycler->items.size();
  return cycler->items[position];
}

TemplateValue
reset(TemplateRuntime&, const TemplateValue& self, TemplateArguments& given) {
  expect_no_arguments("reset", given);
  object_of<CyclerObject>(self)->position = 0;
  return {};
}

} // namespace

std::span<const TemplateFunctionEntry> sequence_methods() {
  static constexpr std::array kMethods = std::to_array<TemplateFunctionEntry>(
      {{"count", count}, {"index", index}, {"copy", copy}});
  return kMethods;
}

std::span<const TemplateFunctionEntry> dict_methods() {
  using Part = DictViewObject::Part;
  static constexpr std::array kMethods = std::to_array<TemplateFunctionEntry>({
      {"items", view<Part::Items>},
      {"keys", view<Part::Keys>},
      {"values", view<Part::Values>},
      {"get", get},
      {"copy", copy},
  });
  return kMethods;
}

std::span<const TemplateFunctionEntry> loop_methods() {
  static constexpr std::array kMethods =
      std::to_array<TemplateFunctionEntry>({{"cycle", cycle}, {"changed", changed}});
  return kMethods;
}

std::span<const TemplateFunctionEntry> cycler_methods() {
  static constexpr std::array kMethods =
      std::to_array<TemplateFunctionEntry>({{"next", next}, {"reset", reset}});
  return kMethods;
}

} // namespace omni
