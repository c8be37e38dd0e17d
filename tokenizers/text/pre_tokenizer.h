// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How a text is cut into words, each of which the model merges by itself: the
// `pre_tokenizer` of a tokenizer.json. Immutable. Internal: see tokenizer_json_part.h.
// No torch.
#pragma once

#include <memory>
#include <vector>

#include "tokenizers/text/aligned_text.h"
#include "tokenizers/text/text_pattern.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {

// A text and the words in it, none of them empty; what is in none is left out.
struct PreTokens {
  AlignedText text;
  std::vector<ByteRange> words; // of text.text()
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Cuts each word further.
  virtual void split(PreTokens& tokens, PatternScratch& scratch) const = 0;
  // Whether words are bytes from here on (ByteLevel).
  [[nodiscard]] virtual bool makes_bytes() const {
    return false;
  }
  // Whether it asks where in the source a word began.
  [[nodiscard]] virtual bool needs_source() const {
    return false;
  }
};

// Split, ByteLevel, Digits, Metaspace, Punctuation, Whitespace, WhitespaceSplit and
// Sequence of them; others are refused by name, and ByteLevel before another.
[[nodiscard]] std::unique_ptr<const PreTokenizer> read_pre_tokenizer(
    const TokenizerJsonPart& part);

} // namespace omni
