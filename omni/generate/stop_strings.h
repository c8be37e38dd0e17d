// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Looks for stop strings in the text that ids amount to, id by id. For those who
// generate ids and see no text; the Assembler has its own eye. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tokenizers/text/text_stream.h"

namespace omni {

// Ids of those stop strings that are spelt as special tokens: no text ever shows them.
[[nodiscard]] std::vector<int64_t> stop_ids(
    const std::vector<std::string>& stops,
    const TextTokenizer& tokenizer);

class StopStrings {
 public:
  // Throws ValueError for stop strings without a tokenizer.
  StopStrings(
      std::vector<std::string> stops,
      const std::shared_ptr<const TextTokenizer>& tokenizer);

  // Whether the text, with this id, holds one of the strings, or the id is one of them.
  [[nodiscard]] bool push(int64_t id);

 private:
  std::vector<std::string> stops_;
  std::vector<int64_t> stop_ids_;
  int64_t num_text_ids_ = 0; // ids behind are no text
  std::unique_ptr<TextStream> stream_; // null without stop strings
  std::string tail_; // as much text as a stop string may have begun in
};

} // namespace omni
