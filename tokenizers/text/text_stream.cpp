// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_stream.h"

#include <utility>

namespace omni {

TextStream::TextStream(std::shared_ptr<const TextTokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)) {}

std::string TextStream::push(int64_t id) {
  std::string bytes = tokenizer_->bytes_of(id);
  if (is_start_ && !bytes.empty()) {
    is_start_ = false;
    bytes = tokenizer_->first_bytes_of(id);
  }
  return utf8_.push(bytes);
}

std::string TextStream::finish() {
  is_start_ = true;
  return utf8_.finish();
}

} // namespace omni
