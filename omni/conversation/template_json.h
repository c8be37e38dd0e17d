// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// JSON text as a value that a chat template reads. No torch.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "omni/conversation/jinja/value.h"

namespace omni {

// Keys keep their order; numbers without a fraction that fit 64 bits are whole; keys
// and texts go through `change`. Throws ValueError naming `subject` for text that is no
// JSON.
[[nodiscard]] TemplateValue template_value_of_json(
    std::string_view text,
    const std::string& subject,
    const std::function<std::string(std::string_view)>& change);

} // namespace omni
