// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: truth, equality, order and hashes as Python has them. Walking through two
// values costs what they weigh: callers charge for it.
#pragma once

#include <string_view>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

[[nodiscard]] bool is_true(const TemplateValue& value);
[[nodiscard]] bool equals(const TemplateValue& left, const TemplateValue& right);
// Whether left < right; a fault for types that have no order.
[[nodiscard]] bool is_less(const TemplateValue& left, const TemplateValue& right);
// Whether left <= right: false for a NaN.
[[nodiscard]] bool is_at_most(const TemplateValue& left, const TemplateValue& right);
// Whether `container` holds `value`, as the operator `in` asks.
[[nodiscard]] bool contains(
    TemplateRuntime& runtime,
    const TemplateValue& container,
    const TemplateValue& value);
// -1, 0 or 1 for numbers (bools are some) of which none is a NaN, 2 otherwise.
[[nodiscard]] int compare_numbers(
    const TemplateValue& left,
    const TemplateValue& right);
[[nodiscard]] bool is_number(const TemplateValue& value);
// Whether it can be the key of a dict.
[[nodiscard]] bool is_hashable(const TemplateValue& value);
[[nodiscard]] size_t hash_of(const TemplateValue& value);
[[nodiscard]] size_t hash_of_text(std::string_view text);

} // namespace omni
