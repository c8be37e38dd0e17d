// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: what `a.b`, `a["b"]` and `a[1:2]` mean: attributes before items after a
// dot, items before attributes in brackets, nothing that would change a list or a dict.
#pragma once

#include <span>
#include <string_view>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

// Undefined where there is none; a fault for a part of what is undefined itself.
[[nodiscard]] TemplateValue attribute_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& name);
[[nodiscard]] TemplateValue item_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& index);
// Bounds that are none are those of the whole.
[[nodiscard]] TemplateValue slice_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& start,
    const TemplateValue& stop,
    const TemplateValue& step);
// By the path that filters take: "a.0.b"; a whole number is one item.
[[nodiscard]] TemplateValue path_of(
    TemplateRuntime& runtime,
    const TemplateValue& object,
    const TemplateValue& path,
    const TemplateValue* fallback = nullptr);

// The methods of values, by the kind of the value.
[[nodiscard]] std::span<const TemplateFunctionEntry> text_search_methods();
[[nodiscard]] std::span<const TemplateFunctionEntry> text_change_methods();
[[nodiscard]] std::span<const TemplateFunctionEntry> text_split_methods();
[[nodiscard]] std::span<const TemplateFunctionEntry> sequence_methods();
[[nodiscard]] std::span<const TemplateFunctionEntry> dict_methods();
[[nodiscard]] std::span<const TemplateFunctionEntry> loop_methods();
[[nodiscard]] std::span<const TemplateFunctionEntry> cycler_methods();

} // namespace omni
