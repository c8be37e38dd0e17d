// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conversation as the chat template of a published model writes it: the text, and its
// ids. They are those of `transformers` (apply_chat_template with tokenize), but that a
// special token which a message spells stays ordinary text, to the template too, and so
// do the other tokens by which roles are told (role_tokens.h) in what users and tools
// write. A token that a template makes by taking out the middle of a text or putting
// its own text before one, or that a tokenizer's normalizer makes by other rules than
// Unicode's for case and form, is not told from the template's. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "omni/conversation/chat_template.h"
#include "omni/conversation/composed_message.h"
#include "omni/conversation/prompt_options.h"
#include "omni/conversation/typed_special_tokens.h"
#include "tokenizers/text/text_tokenizer.h"

namespace omni {

struct WrittenPrompt {
  std::string text;
  std::vector<int64_t> ids;
};

class TemplatePrompt {
 public:
  // `marks` are those of the model's answers (AnswerFormat).
  TemplatePrompt(
      ChatTemplate chat_template,
      std::shared_ptr<const TextTokenizer> tokenizer,
      const std::vector<std::string>& marks);

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
  TypedSpecialTokens role_tokens_; // which users and tools do not write
  TypedSpecialTokens special_tokens_; // which nobody writes
};

} // namespace omni
