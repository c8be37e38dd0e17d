// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/message.h"

#include <c10/util/Exception.h>

namespace omni {

const char* role_name(Role role) {
  switch (role) {
    case Role::System:
      return "system";
    case Role::User:
      return "user";
    case Role::Assistant:
      return "assistant";
    case Role::Tool:
      return "tool";
  }
  TORCH_INTERNAL_ASSERT(false, "unknown role");
}

Role role_from_name(const std::string& name) {
  for (const Role role : {Role::System, Role::User, Role::Assistant, Role::Tool}) {
    if (name == role_name(role)) {
      return role;
    }
  }
  TORCH_CHECK_VALUE(
      false,
      "[conversation] expected a role among system, user, assistant, tool, got \"",
      name, "\".");
}

} // namespace omni
