// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conversation, its media already processed, becomes one TokenSequence: role marks,
// text ids, a slot for every media row, codes; or what the model's chat template makes
// of it. Chat and training compose with the same code. Text typed by a user never
// becomes a control id, nor what a template tells roles by (template_prompt.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "omni/conversation/composed_message.h"
#include "omni/conversation/prompt_options.h"
#include "omni/model/omni_model.h"
#include "omni/model/token_sequence.h"

namespace omni {

struct Composition {
  TokenSequence sequence;
  // Per id: 1 where a model is taught to predict it (an assistant's text, codes, marks
  // that end them and the end of the turn), 0 for prompts, slots and spelling.
  std::vector<uint8_t> is_learned;
  bool begins_in_reasoning = false; // the prompt has opened the model's reasoning
};

class TemplatePrompt;

class Composer {
 public:
  explicit Composer(const OmniModel& model);
  // `opens_answer` ends the sequence with the mark under which an answer begins. A
  // model with marks for roles takes no prompt options. One with a chat template takes
  // them, but text only, and teaches nothing yet: ValueError without `opens_answer`.
  [[nodiscard]] Composition compose(
      const std::vector<ComposedMessage>& messages,
      bool opens_answer,
      const PromptOptions& options = {}) const;
  // Spelling ids of each word of a text.
  [[nodiscard]] std::vector<std::vector<int64_t>> spell_text(
      const std::string& text) const;

 private:
  class Builder;

  [[nodiscard]] Composition compose_by_template(
      const std::vector<ComposedMessage>& messages,
      const PromptOptions& options) const;

  TokenSpace space_;
  int64_t image_grid_size_ = 0;
  std::vector<int64_t> eos_ids_; // any of them ends an answer
  std::shared_ptr<const TextTokenizer> tokenizer_;
  std::shared_ptr<const TemplatePrompt> template_prompt_; // null: marks for roles
  std::vector<std::string> reasoning_marks_; // any of them opens reasoning
  std::string model_name_;
};

} // namespace omni
