// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conversation as its author sees it: messages of text and media. Plain values.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "omni/core/media.h"
#include "omni/core/tool_call.h"

namespace omni {

enum class Role { System, User, Assistant, Tool };
[[nodiscard]] const char* role_name(Role role); // "system", "user", "assistant", "tool"
[[nodiscard]] Role role_from_name(const std::string& name); // or ValueError

using Part = std::variant<std::string, Image, Waveform, VideoClip>;

// What a tool gave back for a call.
struct ToolResult {
  std::string content;
  std::string name; // of the tool; empty: not said
  std::string call_id; // ToolCall::id; empty: not said
};

struct Message {
  Role role = Role::User;
  std::vector<Part> parts;
  // An answer as it was generated: used as it is, so that the cache stays valid.
  std::optional<std::vector<int64_t>> ids = {};
  std::string reasoning = {}; // of an answer
  std::vector<ToolCall> tool_calls = {}; // of an answer
  std::string tool_name = {}; // of a tool's result
  std::string tool_call_id = {}; // of a tool's result
};

struct Conversation {
  std::vector<Message> messages;
};

} // namespace omni
