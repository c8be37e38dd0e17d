// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the functions that every template can call by their names.
#pragma once

#include <optional>
#include <string_view>

#include "omni/conversation/jinja/runtime.h"

namespace omni {

[[nodiscard]] std::optional<TemplateValue> find_template_global(std::string_view name);

} // namespace omni
