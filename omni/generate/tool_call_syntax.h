// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The ways in which models write a call of a tool. No torch.
#pragma once

#include <string_view>
#include <vector>

#include "omni/core/tool_call.h"
#include "omni/families/answer_format.h"

namespace omni {

// The calls that stand behind the mark `begin`, one of the format's; nothing where they
// cannot be read. Ids as the model wrote them, or none.
[[nodiscard]] std::vector<ToolCall> read_tool_calls(
    const AnswerFormat& format,
    std::string_view begin,
    std::string_view text);

} // namespace omni
