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

namespace omni {

enum class Role { System, User, Assistant };
[[nodiscard]] const char* role_name(Role role); // "system", "user", "assistant"
[[nodiscard]] Role role_from_name(const std::string& name); // or ValueError

using Part = std::variant<std::string, Image, Waveform, VideoClip>;

struct Message {
  Role role = Role::User;
  std::vector<Part> parts;
  // An answer as it was generated: used as it is, so that the cache stays valid.
  std::optional<std::vector<int64_t>> ids;
};

struct Conversation {
  std::vector<Message> messages;
};

} // namespace omni
