// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the filters of templates, `value | name(arguments)`, those of jinja2 and
// tojson as `transformers` has it.
#pragma once

#include <span>
#include <string_view>

#include "omni/conversation/jinja/runtime.h"

namespace omni {

// Null where there is no such filter.
[[nodiscard]] TemplateFunction find_template_filter(std::string_view name);
[[nodiscard]] TemplateFunction find_entry(
    std::span<const TemplateFunctionEntry> entries,
    std::string_view name);

[[nodiscard]] std::span<const TemplateFunctionEntry> text_filters();
[[nodiscard]] std::span<const TemplateFunctionEntry> layout_filters();
[[nodiscard]] std::span<const TemplateFunctionEntry> markup_filters();
[[nodiscard]] std::span<const TemplateFunctionEntry> number_filters();
[[nodiscard]] std::span<const TemplateFunctionEntry> sequence_filters();
[[nodiscard]] std::span<const TemplateFunctionEntry> order_filters();
[[nodiscard]] std::span<const TemplateFunctionEntry> selection_filters();

} // namespace omni
