// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Ids to text, one at a time: what push() and finish() return, put together, equals
// decode(ids, skip_special = true), and every part is valid UTF-8.
#pragma once

#include <memory>

#include "tokenizers/text/text_tokenizer.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {

class TextStream {
 public:
  explicit TextStream(std::shared_ptr<const TextTokenizer> tokenizer);

  // Text that is complete with this id (possibly empty). std::out_of_range as decode().
  [[nodiscard]] std::string push(int64_t id);
  // Ends the text: what is pending becomes U+FFFD. The next push begins a new text.
  [[nodiscard]] std::string finish();

 private:
  std::shared_ptr<const TextTokenizer> tokenizer_;
  Utf8Stream utf8_;
  bool is_start_ = true;
};

} // namespace omni
