// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: numbers and quoted texts of a template's source.
#pragma once

#include <optional>
#include <string_view>

#include "omni/conversation/jinja/value.h"

namespace omni {

struct TemplateLiteral {
  TemplateValue value;
  size_t end = 0; // offset behind it
};

// A number that begins at `at`, if one does. ValueError for one that is too large.
[[nodiscard]] std::optional<TemplateLiteral> read_template_number(
    std::string_view source,
    size_t at);
// The text whose quote is at `at`. ValueError where it does not end or has an escape
// that stands for nothing.
[[nodiscard]] TemplateLiteral read_template_text(std::string_view source, size_t at);

} // namespace omni
