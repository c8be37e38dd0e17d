// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/filters.h"

#include <algorithm>

namespace omni {

TemplateFunction find_entry(
    std::span<const TemplateFunctionEntry> entries,
    std::string_view name) {
  const auto found = std::find_if(
      entries.begin(), entries.end(),
      [&](const TemplateFunctionEntry& entry) { return name == entry.name; });
  return found == entries.end() ? nullptr : found->function;
}

TemplateFunction find_template_filter(std::string_view name) {
  for (const auto& entries :
       {text_filters(), layout_filters(), markup_filters(), number_filters(),
        sequence_filters(), order_filters(), selection_filters()}) {
    if (const TemplateFunction function = find_entry(entries, name)) {
      return function;
    }
  }
  return nullptr;
}

} // namespace omni
