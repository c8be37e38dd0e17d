// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/globals.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

TemplateValue
range(TemplateRuntime& runtime, const TemplateValue&, TemplateArguments& arguments) {
  const bool has_one = arguments.positional.size() == 1;
  const TemplateParameters given("range", arguments, {"start", "stop", "step"}, 1);
  const int64_t start = has_one ? 0 : given.integer(0, 0);
  const int64_t stop = given.integer(has_one ? 0 : 1, 0);
  const int64_t step = given.integer(2, 1);
  if (step == 0) {
    template_fault("expected a range with a step other than 0, got 0");
  }
  auto made = std::make_shared<RangeObject>(start, stop, step);
  if (made->size() > runtime.options().max_items) {
    runtime.charge_items(made->size());
  }
  return {std::move(made)};
}

// The entries of dict(...) and namespace(...).
TemplateValue::Entries entries_of(
    TemplateRuntime& runtime,
    const char* function,
    TemplateArguments& arguments) {
  if (arguments.positional.size() > 1) {
    template_fault(
        std::string("expected at most one value without a name for ") + function +
        "(), got more");
  }
  TemplateValue::Entries entries;
  if (!arguments.positional.empty()) {
    const TemplateValue& source = arguments.positional[0];
    if (source.kind() == Kind::Dict) {
      entries = source.as_dict().entries();
    } else {
      for (const TemplateValue& pair : items_of(runtime, source)) {
        TemplateValue::Items parts = items_of(runtime, pair);
        if (parts.size() != 2) {
          template_fault(std::string("expected pairs for ") + function + "()");
        }
        entries.emplace_back(std::move(parts[0]), std::move(parts[1]));
      }
    }
  }
  for (auto& [name, value] : arguments.keyword) {
    entries.emplace_back(TemplateValue(name), std::move(value));
  }
  return entries;
}

TemplateValue
dict(TemplateRuntime& runtime, const TemplateValue&, TemplateArguments& arguments) {
  return runtime.dict(entries_of(runtime, "dict", arguments));
}

TemplateValue make_namespace(
    TemplateRuntime& runtime,
    const TemplateValue&,
    TemplateArguments& arguments) {
  auto made = std::make_shared<NamespaceObject>();
  for (auto& [key, value] : entries_of(runtime, "namespace", arguments)) {
    runtime.charge(key.weight());
    if (key.is_text()) {
      made->set(key.as_text(), std::move(value));
    }
  }
  return runtime.keep(std::move(made));
}

TemplateValue
cycler(TemplateRuntime& runtime, const TemplateValue&, TemplateArguments& arguments) {
  if (arguments.positional.empty() || !arguments.keyword.empty()) {
    template_fault("expected values for cycler(), got none");
  }
  return runtime.keep(std::make_shared<CyclerObject>(std::move(arguments.positional)));
}

TemplateValue
joiner(TemplateRuntime& runtime, const TemplateValue&, TemplateArguments& arguments) {
  const TemplateParameters given("joiner", arguments, {"sep"});
  return runtime.checked(
      TemplateValue(std::make_shared<JoinerObject>(given.get(0, TemplateValue(", ")))));
}

TemplateValue
raise(TemplateRuntime& runtime, const TemplateValue&, TemplateArguments& arguments) {
  const TemplateParameters given("raise_exception", arguments, {"message"}, 1);
  template_fault(to_text(runtime, given[0]));
}

TemplateValue
date(TemplateRuntime& runtime, const TemplateValue&, TemplateArguments& arguments) {
  const TemplateParameters given("strftime_now", arguments, {"format"}, 1);
  const auto now = runtime.options().now.value_or(std::chrono::system_clock::now());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now - seconds).count();
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  // Of the letters that C does not have, %f is a part of a second; a time without a
  // zone has no %z.
  std::string format;
  const std::string wanted = given.text(0, "");
  for (size_t i = 0; i < wanted.size(); ++i) {
    const char letter = wanted[i] == '%' && i + 1 < wanted.size() ? wanted[i + 1] : ' ';
    if (letter == 'f') {
      const std::string digits = std::to_string(micros);
      format += std::string(6 - digits.size(), '0') + digits;
      ++i;
    } else if (letter == 'z' || letter == 'Z') {
      ++i;
    } else {
      format += wanted[i];
      format += letter == '%' ? wanted[++i] : '\0';
      if (format.back() == '\0') {
        format.pop_back();
      }
    }
  }
  std::array<char, 1024> made{};
  format += ' '; // so that nothing made means too much was asked for
  const size_t size = std::strftime(made.data(), made.size(), format.c_str(), &local);
  if (size == 0) {
    template_fault("expected a date of up to 1000 bytes, got a longer one");
  }
  return runtime.text(std::string(made.data(), size - 1));
}

} // namespace

std::optional<TemplateValue> find_template_global(std::string_view name) {
  static constexpr std::array kGlobals = std::to_array<TemplateFunctionEntry>({
      {"range", range},
      {"dict", dict},
      {"namespace", make_namespace},
      {"cycler", cycler},
      {"joiner", joiner},
      {"raise_exception", raise},
      {"strftime_now", date},
  });
  const auto* const found = std::find_if(
      kGlobals.begin(), kGlobals.end(),
      [&](const TemplateFunctionEntry& entry) { return name == entry.name; });
  if (found == kGlobals.end()) {
    return std::nullopt;
  }
  return TemplateValue(std::make_shared<FunctionObject>(*found));
}

} // namespace omni
