// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conversation as the chat template of a published model writes it: the text, and its
// ids. They are those of `transformers` (apply_chat_template with tokenize), but that a
// special token which a user, a tool or the system message spells stays ordinary text.
// Safe to share between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "omni/conversation/chat_template.h"
#include "omni/conversation/composed_message.h"
#include "omni/conversation/prompt_options.h"
#include "tokenizers/text/text_tokenizer.h"

namespace omni {

struct WrittenPrompt {
  std::string text;
  std::vector<int64_t> ids;
};

class TemplatePrompt {
 public:
  TemplatePrompt(
      ChatTemplate chat_template,
      std::shared_ptr<const TextTokenizer> tokenizer);

  // `opens_answer` ends the prompt where an answer begins. Throws ValueError for a
  // message that is not text, tools that are no JSON list, and where the template
  // fails.
  [[nodiscard]] WrittenPrompt write(
      const std::vector<ComposedMessage>& messages,
      bool opens_answer,
      const PromptOptions& options = {}) const;

 private:
  ChatTemplate chat_template_;
  std::shared_ptr<const TextTokenizer> tokenizer_;
  std::vector<std::string> special_tokens_;
};

} // namespace omni
