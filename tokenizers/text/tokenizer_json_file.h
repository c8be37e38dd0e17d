// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A tokenizer.json taken apart: the vocabulary and the merges of a BPE model as flat
// lists, read as they come, and all else as a small document. Bounded like all foreign
// bytes. Internal: includes JSON, no torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "omni/core/json.h"

namespace omni {

struct TokenizerJsonFile {
  struct Text {
    size_t begin = 0; // in texts
    uint32_t num_bytes = 0;
  };
  struct Token {
    Text text;
    uint32_t id = 0;
  };
  struct Merge {
    Text left;
    Text right;
  };

  std::string name; // what errors call it
  Json document; // without the two lists
  std::string texts;
  std::vector<Token> vocabulary;
  std::vector<Merge> merges; // by rank

  [[nodiscard]] std::string_view text_of(Text text) const {
    return std::string_view(texts).substr(text.begin, text.num_bytes);
  }
};

// Ids above this are no ids: a vocabulary that large has no model.
inline constexpr uint32_t kMaxTokenId = 4'000'000;

// Throws IoError naming the file: not JSON, nested too deep, a key twice, ids that are
// no whole numbers from 0, merges that are no pairs.
[[nodiscard]] TokenizerJsonFile parse_tokenizer_json(
    std::string_view bytes,
    const std::string& name);

} // namespace omni
