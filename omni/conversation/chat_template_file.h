// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The chat template that lies in a model folder. No torch.
#pragma once

#include <filesystem>
#include <optional>

#include "omni/conversation/chat_template.h"

namespace omni {

// chat_template.jinja, or else `chat_template` of tokenizer_config.json: a text, or a
// list of named ones of which "default" is taken. It knows the special tokens of the
// folder (bos_token, eos_token, ...) as variables. None when the folder has no
// template; IoError and ValueError name the file and what it should hold.
[[nodiscard]] std::optional<ChatTemplate> read_chat_template(
    const std::filesystem::path& folder);

} // namespace omni
