// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>
#include <cmath>

#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"
#include "omni/conversation/jinja/unicode.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

void append_unit(std::string& text, uint32_t unit) {
  text += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[unit >> static_cast<unsigned>(shift) & 0xFU];
  }
}

void append_quoted(std::string& text, const std::string& value, bool is_ascii) {
  text += '"';
  for (const char32_t character : characters_of(value)) {
    const auto code = static_cast<uint32_t>(character);
    const size_t place =
        std::string_view("\"\\\n\r\t\f\b").find(static_cast<char>(code));
    if (code < 0x80 && place != std::string_view::npos) {
      text += '\\';
      text += "\"\\nrtfb"[place];
    } else if (code < 0x20) {
      append_unit(text, code);
    } else if (!is_ascii || code < 0x7F) {
      append_character(text, character);
    } else if (code < 0x10000) {
      append_unit(text, code);
    } else {
      append_unit(text, 0xD800 + ((code - 0x10000) >> 10U));
      append_unit(text, 0xDC00 + ((code - 0x10000) & 0x3FFU));
    }
  }
  text += '"';
}

std::string json_of_float(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-Infinity" : "Infinity";
  }
  return repr_of_float(value);
}

class JsonWriter {
 public:
  JsonWriter(TemplateRuntime& runtime, const JsonStyle& style)
      : runtime_(runtime), style_(style) {}

  void add(const TemplateValue& value) {
    switch (value.kind()) {
      case Kind::None:
        text_ += "null";
        break;
      case Kind::Bool:
        text_ += value.as_bool() ? "true" : "false";
        break;
      case Kind::Int:
        text_ += std::to_string(value.as_int());
        break;
      case Kind::Float:
        text_ += json_of_float(value.as_float());
        break;
      case Kind::Text:
        append_quoted(text_, value.as_text(), style_.is_ascii);
        break;
      case Kind::List:
      case Kind::Tuple:
        add_items(value.items());
        break;
      case Kind::Dict:
        add_dict(value.as_dict());
        break;
      case Kind::Object:
        expect_json(value);
    }
    if (static_cast<int64_t>(text_.size()) > runtime_.options().max_text_bytes) {
      runtime_.charge_text(static_cast<int64_t>(text_.size()));
    }
  }

  std::string take() {
    return std::move(text_);
  }

 private:
  void add_items(const TemplateValue::Items& items) {
    open('[');
    for (size_t i = 0; i < items.size(); ++i) {
      begin_item(i);
      add(items[i]);
    }
    close(!items.empty(), ']');
  }

  void add_dict(const TemplateDict& dict) {
    TemplateValue::Entries entries = dict.entries();
    if (style_.has_sorted_keys) {
      runtime_.charge(static_cast<int64_t>(entries.size()) * 16);
      std::stable_sort(
          entries.begin(), entries.end(),
          [](const auto& a, const auto& b) { return is_less(a.first, b.first); });
    }
    open('{');
    for (size_t i = 0; i < entries.size(); ++i) {
      begin_item(i);
      add_key(entries[i].first);
      text_ += style_.key_separator;
      add(entries[i].second);
    }
    close(!entries.empty(), '}');
  }

  void add_key(const TemplateValue& key) {
    switch (key.kind()) {
      case Kind::Text:
        append_quoted(text_, key.as_text(), style_.is_ascii);
        break;
      case Kind::None:
      case Kind::Bool:
      case Kind::Int:
      case Kind::Float:
        text_ += '"';
        add(key);
        text_ += '"';
        break;
      default:
        template_fault(
            "expected keys of JSON to be texts or numbers, got " + type_name(key));
    }
  }

  [[noreturn]] static void expect_json(const TemplateValue& value) {
    template_fault(
        "expected values that JSON can hold, got one of type " + type_name(value));
  }

  void open(char bracket) {
    text_ += bracket;
    ++level_;
  }

  void begin_item(size_t i) {
    text_ += i == 0 ? "" : style_.item_separator;
    break_line();
  }

  void close(bool has_items, char bracket) {
    --level_;
    if (has_items) {
      break_line();
    }
    text_ += bracket;
  }

  void break_line() {
    if (style_.indent) {
      runtime_.charge(
          1 + level_ * static_cast<int64_t>(style_.indent->size()) / kTextBytesPerStep);
      text_ += '\n';
      for (int64_t i = 0; i < level_; ++i) {
        text_ += *style_.indent;
      }
    }
  }

  TemplateRuntime& runtime_;
  const JsonStyle& style_;
  std::string text_;
  int64_t level_ = 0;
};

} // namespace

std::string
to_json(TemplateRuntime& runtime, const TemplateValue& value, const JsonStyle& style) {
  runtime.charge(value.weight());
  JsonWriter writer(runtime, style);
  writer.add(value);
  return writer.take();
}

} // namespace omni
