// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A conversation, its media already processed, becomes one TokenSequence: role marks,
// text ids, a slot for every media row, codes. Chat and training compose with the same
// code. Text typed by a user never becomes a control id.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "omni/conversation/message.h"
#include "omni/model/omni_model.h"
#include "omni/model/token_sequence.h"

namespace omni {

// Rows of media item `item` (an index the caller chooses, the same as in embed()).
struct MediaSlots {
  Modality modality = Modality::Image;
  int64_t item = 0;
  at::Tensor positions; // float32 [R, 3]
};

// A picture as the codes the model draws with, row-major, in [0, num_codes).
struct ImageCodes {
  std::vector<int64_t> codes;
};

// Speech word by word: letters (tokenizers/text/spelling.h) and the codes that say
// them. The text itself is a part of its own, before this one.
struct SpokenWords {
  struct Word {
    std::vector<int64_t> letters;
    std::vector<int64_t> codes;
  };
  std::vector<Word> words;
};

// Stands for a prompt that was dropped (classifier-free guidance).
struct NullPrompt {};

using ComposedPart =
    std::variant<std::string, MediaSlots, ImageCodes, SpokenWords, NullPrompt>;

struct ComposedMessage {
  Role role = Role::User;
  std::vector<ComposedPart> parts;
  std::optional<std::vector<int64_t>> ids; // an answer as generated, instead of parts
};

struct Composition {
  TokenSequence sequence;
  // Per id: 1 where a model is taught to predict it (an assistant's text, codes, marks
  // that end them and the end of the turn), 0 for prompts, slots and spelling.
  std::vector<uint8_t> is_learned;
};

class Composer {
 public:
  explicit Composer(const OmniModel& model);
  // `opens_answer` ends the sequence with the mark under which an answer begins.
  [[nodiscard]] Composition compose(
      const std::vector<ComposedMessage>& messages,
      bool opens_answer) const;
  // Spelling ids of each word of a text.
  [[nodiscard]] std::vector<std::vector<int64_t>> spell_text(
      const std::string& text) const;

 private:
  class Builder;

  TokenSpace space_;
  int64_t image_grid_size_ = 0;
  std::vector<int64_t> eos_ids_; // any of them ends an answer
  std::shared_ptr<const TextTokenizer> tokenizer_;
};

} // namespace omni
