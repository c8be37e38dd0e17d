// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Methods of texts that give another text.
#include "omni/conversation/jinja/text_change.h"

#include <algorithm>
#include <array>

#include "omni/conversation/jinja/access.h"
#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/format.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"
#include "omni/conversation/jinja/unicode.h"
#include "tokenizers/text/utf8.h"

namespace omni {

TemplateValue stripped(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    const TemplateValue& set,
    TextEnds ends) {
  if (!set.is_none() && !set.is_text()) {
    expect_defined(set);
    template_fault("expected characters to strip, got " + type_name(set));
  }
  runtime.charge(text.weight());
  const std::u32string letters = set.is_none() ? U"" : characters_of(set.as_text());
  const auto is_cut = [&](char32_t character) {
    return set.is_none() ? is_space(character)
                         : letters.find(character) != std::u32string::npos;
  };
  std::string_view rest = text.as_text();
  while (ends != TextEnds::Right && !rest.empty()) {
    const Utf8Character first = first_character(rest);
    if (!is_cut(first.code_point)) {
      break;
    }
    runtime.charge(1);
    rest.remove_prefix(first.num_bytes);
  }
  while (ends != TextEnds::Left && !rest.empty()) {
    size_t last = rest.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(rest[last]) & 0xC0U) == 0x80U) {
      --last;
    }
    if (!is_cut(first_character(rest.substr(last)).code_point)) {
      break;
    }
    runtime.charge(1);
    rest = rest.substr(0, last);
  }
  return runtime.text_like(text, std::string(rest));
}

std::string replaced(
    TemplateRuntime& runtime,
    const std::string& text,
    const std::string& old,
    const std::string& by,
    int64_t count) {
  runtime.charge(1 + static_cast<int64_t>(text.size()) / kTextBytesPerStep);
  std::string made;
  size_t at = 0;
  const auto check = [&] {
    if (static_cast<int64_t>(made.size()) > runtime.options().max_text_bytes) {
      runtime.charge_text(static_cast<int64_t>(made.size()));
    }
  };
  if (old.empty()) { // before every character and at the end
    for (; count != 0; --count) {
      made += by;
      check();
      runtime.charge(1);
      if (at == text.size()) {
        return made;
      }
      const size_t size = first_character(std::string_view(text).substr(at)).num_bytes;
      made += text.substr(at, size);
      at += size;
    }
    return made + text.substr(at);
  }
  for (; count != 0; --count) {
    const size_t place = text.find(old, at);
    if (place == std::string::npos) {
      break;
    }
    made.append(text, at, place - at).append(by);
    at = place + old.size();
    check();
  }
  return made.append(text, at);
}

TemplateValue joined_texts(
    TemplateRuntime& runtime,
    const TemplateValue& separator,
    const TemplateValue& values,
    bool must_be_texts) {
  std::string made;
  TemplateIterator items(runtime, values);
  bool is_first = true;
  while (const auto item = items.next()) {
    if (must_be_texts && !item->is_text()) {
      template_fault("expected texts to join, got one of type " + type_name(*item));
    }
    made += is_first ? "" : separator.as_text();
    made += separator.is_markup() ? escaped(runtime, *item) : to_text(runtime, *item);
    runtime.charge_text(static_cast<int64_t>(made.size() < 4096 ? 0 : item->weight()));
    if (static_cast<int64_t>(made.size()) > runtime.options().max_text_bytes) {
      runtime.charge_text(static_cast<int64_t>(made.size()));
    }
    is_first = false;
  }
  return runtime.text_like(separator, std::move(made));
}

TemplateValue centered(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    int64_t width,
    char32_t fill) {
  const int64_t missing = width - text.num_characters();
  if (missing <= 0) {
    return text;
  }
  // Python gives the odd one to the left where the width is odd, too.
  const int64_t left = missing / 2 + (missing & width & 1);
  std::string made =
      padded(runtime, text.as_text(), text.num_characters() + left, fill, '>');
  return runtime.text_like(text, padded(runtime, std::move(made), width, fill, '<'));
}

namespace {

using Change = std::string (*)(std::string_view);

template <Change change>
TemplateValue
changed(TemplateRuntime& runtime, const TemplateValue& self, TemplateArguments& given) {
  expect_no_arguments("upper and its like", given);
  runtime.charge(self.weight());
  return runtime.text_like(self, change(self.as_text()));
}

template <TextEnds ends>
TemplateValue strip(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("strip", arguments, {"chars"});
  return stripped(runtime, self, given[0], ends);
}

TemplateValue replace(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("replace", arguments, {"old", "new", "count"}, 2);
  const std::string by =
      self.is_markup() ? escaped(runtime, given[1]) : given.text(1, "");
  return runtime.text_like(
      self,
      replaced(runtime, self.as_text(), given.text(0, ""), by, given.integer(2, -1)));
}

template <bool is_prefix>
TemplateValue without(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("removeprefix", arguments, {"prefix"}, 1);
  std::string_view text = self.as_text();
  const std::string part = given.text(0, "");
  if (is_prefix && text.starts_with(part)) {
    text.remove_prefix(part.size());
  } else if (!is_prefix && text.ends_with(part)) {
    text.remove_suffix(part.size());
  }
  return runtime.text_like(self, std::string(text));
}

char32_t fill_of(const TemplateParameters& given) {
  const std::u32string fill = characters_of(given.text(1, " "));
  if (fill.size() != 1) {
    template_fault("expected one character to fill with, got another number of them");
  }
  return fill[0];
}

template <char align>
TemplateValue justify(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("ljust", arguments, {"width", "fillchar"}, 1);
  const int64_t width = given.integer(0, 0);
  const char32_t fill = fill_of(given);
  if (align == '^') {
    return centered(runtime, self, width, fill);
  }
  return runtime.text_like(self, padded(runtime, self.as_text(), width, fill, align));
}

TemplateValue zfill(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("zfill", arguments, {"width"}, 1);
  const int64_t width = given.integer(0, 0);
  const int64_t missing = width - self.num_characters();
  std::string text = self.as_text();
  if (missing > 0) {
    runtime.charge_text(width);
    const bool has_sign = !text.empty() && (text[0] == '-' || text[0] == '+');
    text.insert(has_sign ? 1 : 0, static_cast<size_t>(missing), '0');
  }
  return runtime.text_like(self, std::move(text));
}

TemplateValue join(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("join", arguments, {"iterable"}, 1);
  return joined_texts(runtime, self, given[0], !self.is_markup());
}

TemplateValue expand_tabs(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("expandtabs", arguments, {"tabsize"});
  const int64_t width = given.integer(0, 8);
  std::string made;
  int64_t column = 0;
  for (const char32_t character : characters_of(self.as_text())) {
    if (character != U'\t') {
      append_character(made, character);
      column = character == U'\n' || character == U'\r' ? 0 : column + 1;
    } else if (width > 0) {
      const int64_t size = width - column % width;
      runtime.charge_text(static_cast<int64_t>(made.size()) + size);
      made.append(static_cast<size_t>(size), ' ');
      column += size;
    }
  }
  return runtime.text_like(self, std::move(made));
}

TemplateValue format_map(
    TemplateRuntime& runtime,
    const TemplateValue& self,
    TemplateArguments& arguments) {
  const TemplateParameters given("format_map", arguments, {"mapping"}, 1);
  if (given[0].kind() != TemplateValue::Kind::Dict) {
    template_fault("expected a dict for format_map(), got " + type_name(given[0]));
  }
  TemplateArguments named;
  for (const auto& [key, value] : given[0].as_dict().entries()) {
    if (key.is_text()) {
      named.keyword.emplace_back(key.as_text(), value);
    }
  }
  return format_by_braces(runtime, self, named);
}

} // namespace

std::span<const TemplateFunctionEntry> text_change_methods() {
  static constexpr std::array kMethods = std::to_array<TemplateFunctionEntry>({
      {"upper", changed<to_upper>},
      {"lower", changed<to_lower>},
      {"casefold", changed<to_lower>},
      {"capitalize", changed<to_capitalized>},
      {"title", changed<to_titles>},
      {"swapcase", changed<to_swapped_case>},
      {"strip", strip<TextEnds::Both>},
      {"lstrip", strip<TextEnds::Left>},
      {"rstrip", strip<TextEnds::Right>},
      {"replace", replace},
      {"removeprefix", without<true>},
      {"removesuffix", without<false>},
      {"ljust", justify<'<'>},
      {"rjust", justify<'>'>},
      {"center", justify<'^'>},
      {"zfill", zfill},
      {"join", join},
      {"expandtabs", expand_tabs},
      {"format", format_by_braces},
      {"format_map", format_map},
  });
  return kMethods;
}

} // namespace omni
