// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: the tests of templates, `value is name(arguments)`, those of jinja2.
#pragma once

#include <string_view>

#include "omni/conversation/jinja/runtime.h"

namespace omni {

// Null where there is no such test.
[[nodiscard]] TemplateFunction find_template_test(std::string_view name);

} // namespace omni
