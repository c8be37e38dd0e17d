// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: Python's two ways of putting values into a text: "%s: %d" % (a, b) and
// "{}: {:>5}".format(a, b).
#pragma once

#include <string>
#include <string_view>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

[[nodiscard]] TemplateValue format_by_percent(
    TemplateRuntime& runtime,
    const TemplateValue& format,
    const TemplateValue& arguments);
[[nodiscard]] TemplateValue format_by_braces(
    TemplateRuntime& runtime,
    const TemplateValue& format,
    TemplateArguments& arguments);
// By a specification such as ">8.2f".
[[nodiscard]] std::string format_value(
    TemplateRuntime& runtime,
    const TemplateValue& value,
    std::string_view specification);

// What both ways share.
struct NumberFormat {
  char type = 'd';
  int64_t precision = -1; // -1: what the type has
  char sign = '-'; // + or a space: before numbers from 0 up, too
  bool is_alternate = false; // 0x before hexadecimal digits, a point always
  char grouping = '\0'; // between thousands: , or _
};
[[nodiscard]] std::string digits_of(
    TemplateRuntime& runtime,
    const TemplateValue& number,
    const NumberFormat& format);
[[nodiscard]] std::string
digits_of_float(TemplateRuntime& runtime, double number, const NumberFormat& format);
// In characters; `align` is < > ^ or =, which fills behind the sign.
[[nodiscard]] std::string padded(
    TemplateRuntime& runtime,
    std::string text,
    int64_t width,
    char32_t fill,
    char align);

} // namespace omni
