// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/tokenizer_input.h"

#include <stdexcept>

#include "omni/core/errors.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {

std::filesystem::path find_tokenizer_file(const std::filesystem::path& folder) {
  for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
    if (std::filesystem::exists(folder / name)) {
      return folder / name;
    }
  }
  return {};
}

std::string checked_text(std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) {
    throw ValueError(
        "tokenizer",
        "expected a text of at most " + std::to_string(max_bytes) + " bytes, got " +
            std::to_string(text.size()) + ". Encode it in parts.");
  }
  return to_valid_utf8(text);
}

void check_id(int64_t id, int64_t vocab_size) {
  if (id < 0 || id >= vocab_size) {
    throw std::out_of_range(
        "[tokenizer] expected an id in [0, " + std::to_string(vocab_size) + "), got " +
        std::to_string(id) + ".");
  }
}

} // namespace omni
