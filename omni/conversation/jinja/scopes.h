// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: settles which variable every name of a template means, and what a template
// may not say: a filter that does not exist, a break outside of a loop.
#pragma once

#include <string_view>

#include "omni/conversation/jinja/syntax.h"

namespace omni {

// Fills the places, slots and frames of the tree. ValueError [chat_template] with line
// and column of what cannot be.
[[nodiscard]] TemplateSyntax resolved_template(
    StatementList body,
    std::string_view source);

} // namespace omni
