// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Methods of texts that ask something.
#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/unicode.h"

namespace omni {
namespace {

// A text, what to look for in it, and the part to look in, as characters.
struct Search {
  std::u32string part;
  int64_t start = 0;
  bool is_outside = false; // the part begins behind the text
};

Search part_to_search(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    const TemplateParameters& given) {
  runtime.charge(self.weight());
  const std::u32string all = characters_of(self.as_text());
  const auto size = static_cast<int64_t>(all.size());
  const auto bound = [&](size_t i, int64_t fallback) {
    const int64_t index = given[i].is_none() ? fallback : given.integer(i, fallback);
    return index < 0 ? std::max<int64_t>(index + size, 0) : index;
  };
  Search search;
  search.start = bound(1, 0);
  const int64_t end = std::min(bound(2, size), size);
  search.is_outside = search.start > size || end < search.start;
  if (!search.is_outside) {
    search.part = all.substr(
        static_cast<size_t>(search.start), static_cast<size_t>(end - search.start));
  }
  return search;
}

template <bool is_last, bool must_be>
TemplateValue find(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("find", arguments, {"sub", "start", "end"}, 1);
  const Search search = part_to_search(runtime, self, given);
  const std::u32string wanted = characters_of(given.text(0, ""));
  const size_t place = search.is_outside ? std::u32string::npos
      : is_last                          ? search.part.rfind(wanted)
                                         : search.part.find(wanted);
  if (place != std::u32string::npos) {
    return search.start + static_cast<int64_t>(place);
  }
  if (must_be) {
    template_fault("expected a text that holds the one looked for, got one without it");
  }
  return -1;
}

TemplateValue count(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("count", arguments, {"sub", "start", "end"}, 1);
  const Search search = part_to_search(runtime, self, given);
  const std::u32string wanted = characters_of(given.text(0, ""));
  if (search.is_outside) {
    return 0;
  }
  if (wanted.empty()) {
    return static_cast<int64_t>(search.part.size()) + 1;
  }
  int64_t times = 0;
  for (size_t at = search.part.find(wanted); at != std::u32string::npos;
       at = search.part.find(wanted, at + wanted.size())) {
    ++times;
  }
  return times;
}

template <bool is_start>
TemplateValue ends_with(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given(
      is_start ? "startswith" : "endswith", arguments, {"prefix", "start", "end"}, 1);
  const Search search = part_to_search(runtime, self, given);
  const auto fits = [&](const TemplateValue& value) {
    if (!value.is_text()) {
      expect_defined(value);
      template_fault("expected a text to compare with, got " + type_name(value));
    }
    const std::u32string wanted = characters_of(value.as_text());
    return !search.is_outside &&
        (is_start ? search.part.starts_with(wanted) : search.part.ends_with(wanted));
  };
  if (given[0].kind() == TemplateValue::Kind::Tuple) {
    return std::any_of(given[0].items().begin(), given[0].items().end(), fits);
  }
  return fits(given[0]);
}

// Whether there is a character and all are what the test says.
template <bool (*test)(char32_t)>
TemplateValue
all_are(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments& given) {
  expect_no_arguments("isalpha and its like", given);
  runtime.charge(self.weight());
  const std::u32string all = characters_of(self.as_text());
  return !all.empty() && std::all_of(all.begin(), all.end(), test);
}

bool is_alphanumeric(char32_t character) {
  return is_alphabetic(character) || is_numeric(character);
}

TemplateValue
is_ascii(TemplateRuntime&, const TemplateValue& self, TemplateArguments&) {
  return self.num_characters() == static_cast<int64_t>(self.as_text().size());
}

TemplateValue is_all_printable(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments&) {
  runtime.charge(self.weight());
  const std::u32string all = characters_of(self.as_text());
  return std::all_of(all.begin(), all.end(), is_printable);
}

TemplateValue
is_identifier(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments&) {
  runtime.charge(self.weight());
  const std::u32string all = characters_of(self.as_text());
  const auto may_follow = [](char32_t c) { return c == U'_' || is_alphanumeric(c); };
  return !all.empty() && (all[0] == U'_' || is_alphabetic(all[0])) &&
      std::all_of(all.begin(), all.end(), may_follow);
}

// Whether letters that have a case are there, all of one case.
template <bool is_upper_case>
TemplateValue has_case(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& given) {
  expect_no_arguments("isupper and islower", given);
  runtime.charge(self.weight());
  bool has_letter = false;
  for (const char32_t character : characters_of(self.as_text())) {
    const bool is_right = is_upper_case ? is_upper(character) : is_lower(character);
    const bool is_other = is_upper_case ? is_lower(character) : is_upper(character);
    if (is_other || is_title(character)) {
      return false;
    }
    has_letter = has_letter || is_right;
  }
  return has_letter;
}

TemplateValue
has_titles(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments&) {
  runtime.charge(self.weight());
  bool has_letter = false;
  bool is_inside = false;
  for (const char32_t character : characters_of(self.as_text())) {
    const bool is_capital = is_upper(character) || is_title(character);
    if (is_capital ? is_inside : is_lower(character) && !is_inside) {
      return false;
    }
    is_inside = is_capital || is_lower(character);
    has_letter = has_letter || is_inside;
  }
  return has_letter;
}

} // namespace

std::span<const TemplateFunctionEntry> text_search_methods() {
  static constexpr std::array kMethods = std::to_array<TemplateFunctionEntry>({
      {"find", find<false, false>},
      {"rfind", find<true, false>},
      {"index", find<false, true>},
      {"rindex", find<true, true>},
      {"count", count},
      {"startswith", ends_with<true>},
      {"endswith", ends_with<false>},
      {"isalpha", all_are<is_alphabetic>},
      {"isalnum", all_are<is_alphanumeric>},
      {"isdecimal", all_are<is_decimal>},
      {"isdigit", all_are<is_digit>},
      {"isnumeric", all_are<is_numeric>},
      {"isspace", all_are<is_space>},
      {"isascii", is_ascii},
      {"isprintable", is_all_printable},
      {"isidentifier", is_identifier},
      {"isupper", has_case<true>},
      {"islower", has_case<false>},
      {"istitle", has_titles},
  });
  return kMethods;
}

} // namespace omni
