// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What is put around the ids of a whole text: the `post_processor` of a tokenizer.json.
// Internal: see tokenizer_json_part.h. No torch.
#pragma once

#include <optional>

#include "tokenizers/text/text_tokenizer.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {

struct PostProcessor {
  TextFrame frame;
  // Ranges leave out the white space that a token begins and ends with...
  bool trims_ranges = false;
  // ...but for one space that begins the text, which was put there.
  bool keeps_first_space = false;
};

// ByteLevel, TemplateProcessing and Sequence of them; others are refused by name.
[[nodiscard]] PostProcessor read_post_processor(const TokenizerJsonPart& part);

struct TrimOptions {
  bool is_first = false; // the token begins the text
  bool keeps_first_space = false; // see above
};

// The range of a token in `text`, without as many characters as the token, as the
// vocabulary writes it, has of white space at its ends.
[[nodiscard]] TextRange trimmed(
    TextRange range,
    std::string_view token,
    std::string_view text,
    const TrimOptions& options);

} // namespace omni
