// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What happens to a text before it is cut into words: the `normalizer` of a
// tokenizer.json. Immutable. Internal: see tokenizer_json_part.h. No torch.
#pragma once

#include <memory>

#include "tokenizers/text/aligned_text.h"
#include "tokenizers/text/text_pattern.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {

class TextNormalizer {
 public:
  virtual ~TextNormalizer() = default;

  [[nodiscard]] virtual AlignedText normalized(
      AlignedText text,
      PatternScratch& scratch) const = 0;
};

// NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip and Sequence of them; others
// are refused by name.
[[nodiscard]] std::unique_ptr<const TextNormalizer> read_normalizer(
    const TokenizerJsonPart& part);

// A `pattern` field, {"String": ...} or {"Regex": ...}.
[[nodiscard]] TextPattern read_pattern(const TokenizerJsonPart& part);

} // namespace omni
