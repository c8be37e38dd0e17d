// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/print.h"

#include <array>
#include <charconv>
#include <cmath>

#include "omni/conversation/jinja/macro.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/unicode.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

void append_hex(std::string& text, char letter, uint32_t code, int num_digits) {
  text += '\\';
  text += letter;
  for (int shift = 4 * (num_digits - 1); shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[code >> static_cast<unsigned>(shift) & 0xFU];
  }
}

// Writes one value after the other and stops where they become too many or too deep:
// namespaces may hold themselves.
class Printer {
 public:
  explicit Printer(TemplateRuntime& runtime) : runtime_(runtime) {}

  void add(const TemplateValue& value) {
    const TemplateDepth depth(runtime_);
    runtime_.charge(value.is_text() ? value.weight() : 1);
    switch (value.kind()) {
      case Kind::None:
        text_ += "None";
        break;
      case Kind::Bool:
        text_ += value.as_bool() ? "True" : "False";
        break;
      case Kind::Int:
        text_ += std::to_string(value.as_int());
        break;
      case Kind::Float:
        text_ += repr_of_float(value.as_float());
        break;
      case Kind::Text:
        add_text(value);
        break;
      case Kind::List:
        add_items("[", value.items(), "]");
        break;
      case Kind::Tuple:
        add_items("(", value.items(), value.items().size() == 1 ? ",)" : ")");
        break;
      case Kind::Dict:
        add_dict(value.as_dict());
        break;
      case Kind::Object:
        add_object(value);
        break;
    }
    if (static_cast<int64_t>(text_.size()) > runtime_.options().max_text_bytes) {
      runtime_.charge_text(static_cast<int64_t>(text_.size()));
    }
  }

  std::string take() {
    return std::move(text_);
  }

 private:
  void add_text(const TemplateValue& value) {
    const std::string quoted = repr_of_text(value.as_text());
    text_ += value.is_markup() ? "Markup(" + quoted + ")" : quoted;
  }

  void
  add_items(const char* begin, const TemplateValue::Items& items, const char* end) {
    text_ += begin;
    const char* separator = "";
    for (const TemplateValue& item : items) {
      text_ += separator;
      add(item);
      separator = ", ";
    }
    text_ += end;
  }

  void add_dict(const TemplateDict& dict) {
    text_ += '{';
    const char* separator = "";
    for (const auto& [key, value] : dict.entries()) {
      text_ += separator;
      add(key);
      text_ += ": ";
      add(value);
      separator = ", ";
    }
    text_ += '}';
  }

  void add_object(const TemplateValue& value) {
    if (is_undefined(value)) {
      text_ += "Undefined";
    } else if (const auto* range = object_of<RangeObject>(value)) {
      text_ += "range(" + std::to_string(range->start) + ", " +
          std::to_string(range->stop) +
          (range->step == 1 ? "" : ", " + std::to_string(range->step)) + ")";
    } else if (const auto* view = object_of<DictViewObject>(value)) {
      add_view(*view);
    } else if (const auto* names = object_of<NamespaceObject>(value)) {
      text_ += "<Namespace {";
      const char* separator = "";
      for (const auto& [name, item] : names->entries) {
        text_ += separator + repr_of_text(name) + ": ";
        add(item);
        separator = ", ";
      }
      text_ += "}>";
    } else if (const auto* macro = object_of<MacroObject>(value)) {
      const std::string& name = macro->name();
      text_ += "<Macro " + (name.empty() ? "anonymous" : repr_of_text(name)) + ">";
    } else if (auto* loop = object_of<LoopObject>(value)) {
      text_ += "<LoopContext " + std::to_string(loop->index0() + 1) + "/" +
          std::to_string(loop->length()) + ">";
    } else {
      text_ += "<" + type_name(value) + ">";
    }
  }

  void add_view(const DictViewObject& view) {
    using Part = DictViewObject::Part;
    text_ += view.part == Part::Keys ? "dict_keys"
        : view.part == Part::Values  ? "dict_values"
                                     : "dict_items";
    TemplateValue::Items items;
    for (size_t i = 0; i < view.dict.as_dict().entries().size(); ++i) {
      items.push_back(view.item(i));
    }
    add_items("([", items, "])");
  }

  TemplateRuntime& runtime_;
  std::string text_;
};

} // namespace

std::string repr_of_text(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote =
      has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string quoted(1, quote);
  for (const char32_t character : characters_of(text)) {
    const auto code = static_cast<uint32_t>(character);
    if (code == static_cast<unsigned char>(quote) || character == U'\\') {
      quoted += '\\';
      quoted += static_cast<char>(code);
    } else if (character == U'\n') {
      quoted += "\\n";
    } else if (character == U'\r') {
      quoted += "\\r";
    } else if (character == U'\t') {
      quoted += "\\t";
    } else if (is_printable(character)) {
      append_character(quoted, character);
    } else if (code < 0x100) {
      append_hex(quoted, 'x', code, 2);
    } else if (code < 0x10000) {
      append_hex(quoted, 'u', code, 4);
    } else {
      append_hex(quoted, 'U', code, 8);
    }
  }
  return quoted + quote;
}

std::string repr_of_float(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-inf" : "inf";
  }
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(
                       buffer.data(), buffer.data() + buffer.size(), value,
                       std::chars_format::scientific)
                       .ptr;
  std::string digits(buffer.data(), end);
  const bool is_negative = digits[0] == '-';
  const size_t mark = digits.find('e');
  const int exponent = std::stoi(digits.substr(mark + 1));
  digits = digits.substr(is_negative ? 1 : 0, mark - (is_negative ? 1 : 0));
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  const auto num_digits = static_cast<int>(digits.size());
  std::string text;
  // Python writes from 1e-4 up to 1e16 without an exponent.
  if (exponent < -4 || exponent >= 16) {
    text = digits.substr(0, 1) + (num_digits > 1 ? "." + digits.substr(1) : "") + "e" +
        (exponent < 0 ? "-" : "+") + (std::abs(exponent) < 10 ? "0" : "") +
        std::to_string(std::abs(exponent));
  } else if (exponent < 0) {
    text = "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  } else if (num_digits <= exponent + 1) {
    text = digits + std::string(static_cast<size_t>(exponent + 1 - num_digits), '0') +
        ".0";
  } else {
    const auto point = static_cast<size_t>(exponent + 1);
    text = digits.substr(0, point) + "." + digits.substr(point);
  }
  return is_negative ? "-" + text : text;
}

std::string to_repr(TemplateRuntime& runtime, const TemplateValue& value) {
  Printer printer(runtime);
  printer.add(value);
  return printer.take();
}

std::string to_text(TemplateRuntime& runtime, const TemplateValue& value) {
  if (value.is_text()) {
    return value.as_text();
  }
  return is_undefined(value) ? "" : to_repr(runtime, value);
}

} // namespace omni
