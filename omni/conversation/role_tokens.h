// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The tokens of which prompts are built: what a user types must not become one. No
// torch.
#pragma once

#include <string>
#include <vector>

#include "omni/conversation/chat_template.h"
#include "tokenizers/text/text_tokenizer.h"

namespace omni {

// All special tokens, and of the other added ones those that look like a mark (a sign
// with a word behind it) and are written: in the template's source, whole or around the
// name of a role, in a text among its defaults, in one of `marks` (AnswerFormat), or
// around one of these.
[[nodiscard]] std::vector<std::string> role_tokens(
    const TextTokenizer& tokenizer,
    const ChatTemplate& chat_template,
    const std::vector<std::string>& marks);

} // namespace omni
