// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a chat template is told besides the messages. Plain values; a model whose
// conversations are laid out in ids takes none of them.
#pragma once

#include <optional>
#include <string>

#include "omni/conversation/chat_template.h"

namespace omni {

struct PromptOptions {
  // Whether the model shall think before it answers; none: as its template has it.
  std::optional<bool> thinks;
  // Functions the model may call, a JSON list as the chat APIs of the field take it:
  // [{"type": "function", "function": {"name", "description", "parameters"}}]. Empty:
  // none.
  std::string tools;
  ChatTemplate::Variables variables; // whatever else the template asks for
};

} // namespace omni
