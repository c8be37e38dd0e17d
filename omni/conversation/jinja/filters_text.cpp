// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters that change a text word by word or print a value.
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/format.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"
#include "omni/conversation/jinja/text_change.h"
#include "omni/conversation/jinja/unicode.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

// The text itself, or what a value prints as.
TemplateValue soft_text(TemplateRuntime& runtime, const TemplateValue& value) {
  return value.is_text() ? value : runtime.text(to_text(runtime, value));
}

template <std::string (*change)(std::string_view)>
TemplateValue changed(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("upper, lower and capitalize", given);
  const TemplateValue text = soft_text(runtime, value);
  runtime.charge(text.weight());
  return runtime.text_like(text, change(text.as_text()));
}

// A capital behind whitespace and ( { [ < -, unlike the method of texts.
TemplateValue
title(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("title", given);
  const TemplateValue text = soft_text(runtime, value);
  runtime.charge(text.weight());
  const std::u32string all = characters_of(text.as_text());
  const auto separates = [](char32_t character) {
    return is_space(character) ||
        std::u32string_view(U"-({[<").find(character) != std::u32string_view::npos;
  };
  std::string made;
  for (size_t i = 0; i < all.size();) {
    size_t end = i + 1;
    while (end < all.size() && separates(all[end]) == separates(all[i])) {
      ++end;
    }
    made += to_upper(text_of(all.substr(i, 1)));
    made += to_lower(text_of(all.substr(i + 1, end - i - 1)));
    i = end;
  }
  return runtime.text_like(text, std::move(made));
}

TemplateValue
string(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("string", given);
  return soft_text(runtime, value);
}

TemplateValue trim(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("trim", arguments, {"chars"});
  return stripped(runtime, soft_text(runtime, value), given[0], TextEnds::Both);
}

TemplateValue replace(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("replace", arguments, {"old", "new", "count"}, 2);
  return runtime.text(replaced(
      runtime, to_text(runtime, value), to_text(runtime, given[0]),
      to_text(runtime, given[1]), given[2].is_none() ? -1 : given.integer(2, -1)));
}

TemplateValue center(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("center", arguments, {"width"});
  return centered(runtime, soft_text(runtime, value), given.integer(0, 80), U' ');
}

TemplateValue format(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  if (!arguments.positional.empty() && !arguments.keyword.empty()) {
    template_fault("expected values with names or without for format(), got both");
  }
  const TemplateValue text = soft_text(runtime, value);
  if (arguments.keyword.empty()) {
    return format_by_percent(
        runtime, text, runtime.tuple(std::move(arguments.positional)));
  }
  TemplateValue::Entries entries;
  for (auto& [name, named] : arguments.keyword) {
    entries.emplace_back(TemplateValue(name), std::move(named));
  }
  return format_by_percent(runtime, text, runtime.dict(std::move(entries)));
}

TemplateValue word_count(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("wordcount", given);
  const TemplateValue text = soft_text(runtime, value);
  runtime.charge(text.weight());
  int64_t count = 0;
  bool is_inside = false;
  for (const char32_t c : characters_of(text.as_text())) {
    const bool is_word = c == U'_' || is_alphabetic(c) || is_numeric(c);
    count += is_word && !is_inside ? 1 : 0;
    is_inside = is_word;
  }
  return count;
}

TemplateValue tojson(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.is_ascii = given.truth(0, false);
  style.has_sorted_keys = given.truth(3, false);
  if (!given[1].is_none()) {
    style.item_separator = ",";
    if (given[1].is_text()) {
      style.indent = given[1].as_text();
    } else {
      const int64_t width = std::max<int64_t>(given.integer(1, 0), 0);
      runtime.charge_text(width);
      style.indent = std::string(static_cast<size_t>(width), ' ');
    }
  }
  if (!given[2].is_none()) {
    const bool is_pair =
        (given[2].kind() == Kind::List || given[2].kind() == Kind::Tuple) &&
        given[2].items().size() == 2 && given[2].items()[0].is_text() &&
        given[2].items()[1].is_text();
    if (!is_pair) {
      template_fault(
          "expected two texts as separators of tojson(), got something else");
    }
    style.item_separator = given[2].items()[0].as_text();
    style.key_separator = given[2].items()[1].as_text();
  }
  return runtime.text(to_json(runtime, value, style));
}

} // namespace

std::span<const TemplateFunctionEntry> text_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>({
      {"upper", changed<to_upper>},
      {"lower", changed<to_lower>},
      {"capitalize", changed<to_capitalized>},
      {"title", title},
      {"string", string},
      {"trim", trim},
      {"replace", replace},
      {"center", center},
      {"format", format},
      {"wordcount", word_count},
      {"tojson", tojson},
  });
  return kFilters;
}

} // namespace omni
