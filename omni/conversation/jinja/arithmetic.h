// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: operators on values, as Python has them but for whole numbers, which end
// with 64 bits.
#pragma once

#include <string_view>

#include "omni/conversation/jinja/runtime.h"
#include "omni/conversation/jinja/syntax.h"
#include "omni/conversation/jinja/value.h"

namespace omni {

[[nodiscard]] TemplateValue binary_result(
    TemplateRuntime& runtime,
    BinaryOperator op,
    const TemplateValue& left,
    const TemplateValue& right);
[[nodiscard]] TemplateValue negated(const TemplateValue& value);
[[nodiscard]] TemplateValue unchanged(const TemplateValue& value); // +value
// A fault where there is no such float.
[[nodiscard]] double to_float(const TemplateValue& number);
// & < > " ' as HTML writes them; text that is markup stays as it is.
[[nodiscard]] std::string escaped(TemplateRuntime& runtime, const TemplateValue& value);

} // namespace omni
