// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: changes of texts that methods and filters share.
#pragma once

#include <string>
#include <string_view>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

// Which ends of a text are cut.
enum class TextEnds { Both, Left, Right };

// Without characters of `set` at its ends; whitespace where `set` is none.
[[nodiscard]] TemplateValue stripped(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    const TemplateValue& set,
    TextEnds ends);
// The first `count` places, all of them below zero.
[[nodiscard]] std::string replaced(
    TemplateRuntime& runtime,
    const std::string& text,
    const std::string& old,
    const std::string& by,
    int64_t count);
[[nodiscard]] TemplateValue joined_texts(
    TemplateRuntime& runtime,
    const TemplateValue& separator,
    const TemplateValue& values,
    bool must_be_texts);
[[nodiscard]] TemplateValue centered(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    int64_t width,
    char32_t fill);
// Cut where lines end, with or without their ends.
[[nodiscard]] TemplateValue::Items
lines_of(TemplateRuntime& runtime, const TemplateValue& text, bool keeps_ends);
// Cut at whitespace, at most so often (any number below zero) from the left or right.
[[nodiscard]] TemplateValue::Items words_of(
    TemplateRuntime& runtime,
    const TemplateValue& text,
    int64_t times,
    bool is_left);

} // namespace omni
