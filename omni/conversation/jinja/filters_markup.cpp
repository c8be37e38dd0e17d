// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Filters for HTML and addresses.
#include <algorithm>
#include <array>
#include <charconv>

#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/filters.h"
#include "omni/conversation/jinja/iteration.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"
#include "omni/conversation/jinja/text_change.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

TemplateValue
escape(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("escape", given);
  std::string text = escaped(runtime, value);
  runtime.charge_text(static_cast<int64_t>(text.size()));
  return TemplateValue::markup(std::move(text));
}

TemplateValue force_escape(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  const TemplateValue plain = runtime.text(to_text(runtime, value));
  return escape(runtime, plain, given);
}

TemplateValue
safe(TemplateRuntime& runtime, const TemplateValue& value, TemplateArguments& given) {
  expect_no_arguments("safe", given);
  return TemplateValue::markup(to_text(runtime, value));
}

// Named references other than those of the five characters that escape() writes are
// left.
std::string without_references(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNames = {
      {{"&amp;", "&"},
       {"&lt;", "<"},
       {"&gt;", ">"},
       {"&quot;", "\""},
       {"&apos;", "'"},
       {"&nbsp;", "\u00A0"}}};
  std::string made;
  while (!text.empty()) {
    const auto* const known = std::find_if(
        kNames.begin(), kNames.end(),
        [&](const auto& row) { return text.starts_with(row.first); });
    if (known != kNames.end()) {
      made += known->second;
      text.remove_prefix(known->first.size());
      continue;
    }
    uint32_t code = 0;
    const bool is_hex = text.starts_with("&#x") || text.starts_with("&#X");
    const size_t begin = is_hex ? 3 : 2;
    if (text.starts_with("&#") && text.size() > begin) {
      const auto [end, error] = std::from_chars(
          text.data() + begin, text.data() + text.size(), code, is_hex ? 16 : 10);
      const auto size = static_cast<size_t>(end - text.data());
      const bool is_character =
          code > 0 && code < 0x110000 && (code < 0xD800 || code >= 0xE000);
      if (error == std::errc() && is_character) {
        append_character(made, code);
        text.remove_prefix(size + (size < text.size() && text[size] == ';' ? 1 : 0));
        continue;
      }
    }
    made += text[0];
    text.remove_prefix(1);
  }
  return made;
}

TemplateValue strip_tags(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("striptags", given);
  const std::string text = to_text(runtime, value);
  runtime.charge(1 + static_cast<int64_t>(text.size()) / 8);
  std::string kept;
  size_t at = 0;
  while (true) {
    const size_t begin = text.find('<', at);
    if (begin == std::string::npos) {
      break;
    }
    const bool is_comment = text.compare(begin, 4, "<!--") == 0;
    const size_t end = is_comment ? text.find("-->", begin + 4) : text.find('>', begin);
    if (end == std::string::npos) {
      break;
    }
    kept.append(text, at, begin - at);
    at = end + (is_comment ? 3 : 1);
  }
  kept.append(text, at);
  std::string made;
  for (const TemplateValue& word :
       words_of(runtime, runtime.text(std::move(kept)), -1, true)) {
    made += (made.empty() ? "" : " ") + word.as_text();
  }
  return runtime.text(without_references(made));
}

std::string
quoted(TemplateRuntime& runtime, const TemplateValue& value, bool is_query) {
  const std::string text = to_text(runtime, value);
  runtime.charge_text(static_cast<int64_t>(text.size()) * 3);
  std::string made;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_plain = (byte >= '0' && byte <= '9') ||
        (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_' ||
        byte == '.' || byte == '-' || byte == '~' || (byte == '/' && !is_query);
    if (is_plain) {
      made += letter;
    } else if (byte == ' ' && is_query) {
      made += '+';
    } else {
      made += '%';
      made += "0123456789ABCDEF"[byte >> 4U];
      made += "0123456789ABCDEF"[byte & 15U];
    }
  }
  return made;
}

TemplateValue url_encode(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& given) {
  expect_no_arguments("urlencode", given);
  if (value.is_text() || !is_iterable(value)) {
    return runtime.text(quoted(runtime, value, false));
  }
  const TemplateValue pairs = value.kind() == Kind::Dict
      ? TemplateValue(
            std::make_shared<DictViewObject>(value, DictViewObject::Part::Items))
      : value;
  std::string made;
  for (const TemplateValue& pair : items_of(runtime, pairs)) {
    const TemplateValue::Items parts = items_of(runtime, pair);
    if (parts.size() != 2) {
      template_fault("expected pairs of names and values for urlencode(), got others");
    }
    made += (made.empty() ? "" : "&") + quoted(runtime, parts[0], true) + "=" +
        quoted(runtime, parts[1], true);
  }
  return runtime.text(std::move(made));
}

TemplateValue xml_attributes(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    TemplateArguments& arguments) {
  const TemplateParameters given("xmlattr", arguments, {"autospace"});
  if (value.kind() != Kind::Dict) {
    expect_defined(value);
    template_fault("expected a dict for xmlattr(), got " + type_name(value));
  }
  std::string made;
  for (const auto& [key, part] : value.as_dict().entries()) {
    if (part.is_none() || is_undefined(part)) {
      continue;
    }
    if (!key.is_text() ||
        key.as_text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      template_fault("expected names of attributes as keys of xmlattr(), got others");
    }
    made += (made.empty() ? "" : " ") + escaped(runtime, key) + "=\"" +
        escaped(runtime, part) + "\"";
  }
  return runtime.text((!made.empty() && given.truth(0, true) ? " " : "") + made);
}

} // namespace

std::span<const TemplateFunctionEntry> markup_filters() {
  static constexpr std::array kFilters = std::to_array<TemplateFunctionEntry>({
      {"escape", escape},
      {"e", escape},
      {"forceescape", force_escape},
      {"safe", safe},
      {"striptags", strip_tags},
      {"urlencode", url_encode},
      {"xmlattr", xml_attributes},
  });
  return kFilters;
}

} // namespace omni
