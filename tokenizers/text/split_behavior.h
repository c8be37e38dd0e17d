// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What becomes of the matches of a pattern when a word is cut at them. Internal: no
// torch.
#pragma once

#include <vector>

#include "tokenizers/text/aligned_text.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {

enum class SplitBehavior {
  Removed,
  Isolated,
  MergedWithPrevious,
  MergedWithNext,
  Contiguous
};

// The `behavior` of a part.
[[nodiscard]] SplitBehavior read_behavior(const TokenizerJsonPart& part);

// Takes the parts of one word from left to right, matches and what is between them, and
// adds the words they make; words of no bytes are left out.
class WordSplitter {
 public:
  WordSplitter(SplitBehavior behavior, std::vector<ByteRange>& words)
      : behavior_(behavior), words_(words) {}

  void add(ByteRange part, bool is_match);
  // Ends the word.
  void finish();

 private:
  void write(ByteRange word);

  SplitBehavior behavior_;
  std::vector<ByteRange>& words_;
  ByteRange pending_; // a word that what follows may join
  bool has_pending_ = false;
  bool last_is_match_ = false;
};

} // namespace omni
