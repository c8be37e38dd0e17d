// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A message whose media have been processed: what is composed into a sequence. Plain
// values.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "omni/conversation/message.h"
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
  // An answer as generated: stands for its parts where a conversation is laid out in
  // ids. A chat template writes the answer again, from its parts and what follows.
  std::optional<std::vector<int64_t>> ids = {};
  std::string reasoning = {};
  std::vector<ToolCall> tool_calls = {};
  std::string tool_name = {};
  std::string tool_call_id = {};
};

} // namespace omni
