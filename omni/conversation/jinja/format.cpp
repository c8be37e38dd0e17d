// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/format.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "omni/conversation/jinja/arithmetic.h"
#include "omni/conversation/jinja/compare.h"
#include "omni/conversation/jinja/object.h"
#include "omni/conversation/jinja/print.h"
#include "omni/conversation/jinja/unicode.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

using Kind = TemplateValue::Kind;

bool is_int(const TemplateValue& value) {
  return value.kind() == Kind::Int || value.kind() == Kind::Bool;
}

bool is_in(char letter, std::string_view letters) {
  return letters.find(letter) != std::string_view::npos;
}

// A whole number of digits at `at`, moved behind it.
int64_t read_size(std::string_view text, size_t& at) {
  int64_t size = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    size = std::min<int64_t>(size * 10 + (text[at++] - '0'), INT32_MAX);
  }
  return size;
}

class PercentFormat {
 public:
  PercentFormat(
      TemplateRuntime& runtime,
      const TemplateValue& format,
      const TemplateValue& arguments)
      : runtime_(runtime),
        format_(format),
        text_(format.as_text()),
        arguments_(arguments) {}

  std::string run() {
    std::string made;
    for (size_t i = 0; i < text_.size();) {
      if (text_[i] != '%') {
        made += text_[i++];
        continue;
      }
      ++i;
      made += directive(i);
      runtime_.charge(1);
      if (static_cast<int64_t>(made.size()) > runtime_.options().max_text_bytes) {
        runtime_.charge_text(static_cast<int64_t>(made.size()));
      }
    }
    const bool is_mapping = arguments_.kind() == Kind::List ||
        arguments_.kind() == Kind::Dict || arguments_.kind() == Kind::Object;
    if (!is_mapping && position_ < num_arguments()) {
      template_fault("expected as many values as the text formats, got more");
    }
    return made;
  }

 private:
  [[nodiscard]] size_t num_arguments() const {
    return arguments_.kind() == Kind::Tuple ? arguments_.items().size() : 1;
  }

  TemplateValue next() {
    if (position_ >= num_arguments()) {
      template_fault("expected as many values as the text formats, got fewer");
    }
    const size_t i = position_++;
    return arguments_.kind() == Kind::Tuple ? arguments_.items()[i] : arguments_;
  }

  int64_t size(size_t& i) {
    if (i < text_.size() && text_[i] == '*') {
      ++i;
      const TemplateValue value = next();
      if (!is_int(value)) {
        template_fault("expected a whole number for *, got " + type_name(value));
      }
      return std::clamp<int64_t>(
          static_cast<int64_t>(to_float(value)), INT32_MIN, INT32_MAX);
    }
    return read_size(text_, i);
  }

  std::string directive(size_t& i) {
    std::optional<TemplateValue> value;
    if (i < text_.size() && text_[i] == '(') {
      const size_t end = text_.find(')', i);
      if (end == std::string_view::npos || arguments_.kind() != Kind::Dict) {
        template_fault("expected a dict for %(name), got " + type_name(arguments_));
      }
      const auto* found =
          arguments_.as_dict().find_text(text_.substr(i + 1, end - i - 1));
      if (found == nullptr) {
        template_fault("expected the dict to have every %(name), got one it lacks");
      }
      value = *found;
      i = end + 1;
    }
    std::string flags;
    while (i < text_.size() && is_in(text_[i], "-+ #0")) {
      flags += text_[i++];
    }
    int64_t width = size(i);
    NumberFormat format;
    if (i < text_.size() && text_[i] == '.') {
      format.precision = std::max<int64_t>(size(++i), 0);
    }
    while (i < text_.size() && is_in(text_[i], "hlL")) {
      ++i;
    }
    if (i == text_.size()) {
      template_fault("expected a letter that ends %, got the end of the text");
    }
    format.type = text_[i++];
    if (format.type == '%') {
      return "%";
    }
    bool is_left = flags.find('-') != std::string::npos;
    if (width < 0) {
      is_left = true;
      width = -width;
    }
    format.sign = flags.find('+') != std::string::npos ? '+'
        : flags.find(' ') != std::string::npos         ? ' '
                                                       : '-';
    format.is_alternate = flags.find('#') != std::string::npos;
    const bool has_zeros = flags.find('0') != std::string::npos && !is_left;
    const bool is_number = !is_in(format.type, "srac");
    std::string text = formatted(value ? *value : next(), format);
    return padded(
        runtime_, std::move(text), width, has_zeros && is_number ? U'0' : U' ',
        is_left                      ? '<'
            : has_zeros && is_number ? '='
                                     : '>');
  }

  std::string formatted(const TemplateValue& value, const NumberFormat& format) {
    if (is_in(format.type, "sra")) {
      std::string text = format.type != 's' ? to_repr(runtime_, value)
          : format_.is_markup()             ? escaped(runtime_, value)
                                            : to_text(runtime_, value);
      if (format.precision < 0) {
        return text;
      }
      const std::u32string all = characters_of(text);
      return text_of(
          std::u32string_view(all).substr(0, static_cast<size_t>(format.precision)));
    }
    if (format.type == 'c') {
      if (value.is_text() && value.num_characters() == 1) {
        return value.as_text();
      }
      if (is_int(value) && to_float(value) >= 0 && to_float(value) < 0x110000) {
        return text_of(std::u32string(1, static_cast<char32_t>(to_float(value))));
      }
    }
    if (is_in(format.type, "diu") && value.kind() == Kind::Float &&
        std::fabs(value.as_float()) < 9e18) {
      return digits_of(runtime_, static_cast<int64_t>(value.as_float()), format);
    }
    if (is_in(format.type, "diuoxX") && is_int(value)) {
      return digits_of(runtime_, value, format);
    }
    if (is_in(format.type, "eEfFgG") && is_number(value)) {
      return digits_of_float(runtime_, to_float(value), format);
    }
    expect_defined(value);
    template_fault(
        std::string("expected a value that %") + format.type + " formats, got " +
        type_name(value));
  }

  TemplateRuntime& runtime_;
  const TemplateValue& format_;
  std::string_view text_;
  const TemplateValue& arguments_;
  size_t position_ = 0;
};

} // namespace

TemplateValue format_by_percent(
    TemplateRuntime& runtime,
    const TemplateValue& format,
    const TemplateValue& arguments) {
  return runtime.text_like(format, PercentFormat(runtime, format, arguments).run());
}

std::string format_value(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    std::string_view specification) {
  if (specification.empty()) {
    return to_text(runtime, value);
  }
  if (!value.is_text() && !is_number(value)) {
    template_fault("expected a text or a number for a format, got " + type_name(value));
  }
  NumberFormat format;
  char32_t fill = U' ';
  char align = '\0';
  bool has_fill = false;
  size_t i = 0;
  const size_t first = first_character(specification).num_bytes;
  if (first < specification.size() && is_in(specification[first], "<>=^")) {
    fill = first_character(specification).code_point;
    align = specification[first];
    has_fill = true;
    i = first + 1;
  } else if (is_in(specification[0], "<>=^")) {
    align = specification[i++];
  }
  const auto has = [&](std::string_view letters) {
    return i < specification.size() && is_in(specification[i], letters);
  };
  const bool has_sign = has("+- ");
  if (has_sign) {
    format.sign = specification[i++];
  }
  if (has("#")) {
    format.is_alternate = true;
    ++i;
  }
  if (has("0")) {
    fill = has_fill ? fill : U'0';
    align = align == '\0' && !value.is_text() ? '=' : align;
    ++i;
  }
  const int64_t width = read_size(specification, i);
  if (has(",_")) {
    format.grouping = specification[i++];
  }
  if (has(".")) {
    const size_t digits = ++i;
    format.precision = read_size(specification, i);
    if (i == digits) {
      template_fault("expected digits behind the point of a format, got none");
    }
  }
  format.type = i < specification.size() ? specification[i++] : '\0';
  const auto fail = [&] {
    template_fault(
        "expected a format that " + type_name(value) + " has, got \"" +
        std::string(specification.substr(0, 60)) + "\"");
  };
  if (i < specification.size()) {
    fail();
  }
  std::string text;
  if (value.is_text()) {
    if ((format.type != '\0' && format.type != 's') || align == '=' || has_sign ||
        format.is_alternate || format.grouping != '\0') {
      fail();
    }
    const std::u32string all = characters_of(value.as_text());
    text = format.precision < 0 ? value.as_text()
                                : text_of(std::u32string_view(all).substr(
                                      0, static_cast<size_t>(format.precision)));
  } else if (
      is_in(format.type, "eEfFgG%") ||
      (value.kind() == Kind::Float && is_in(format.type, std::string_view("\0n", 2)))) {
    if (format.type == '\0' && format.precision < 0) {
      format.type = 'r';
    }
    text = digits_of_float(runtime, to_float(value), format);
  } else if (
      is_int(value) && is_in(format.type, std::string_view("\0dboxXnc", 8)) &&
      format.precision < 0) {
    if (format.type == 'c') {
      text = text_of(std::u32string(1, static_cast<char32_t>(to_float(value))));
    } else {
      format.type = format.type == '\0' || format.type == 'n' ? 'd' : format.type;
      text = digits_of(runtime, value, format);
    }
  } else {
    fail();
  }
  const char usual = value.is_text() ? '<' : '>';
  return padded(runtime, std::move(text), width, fill, align == '\0' ? usual : align);
}

} // namespace omni
