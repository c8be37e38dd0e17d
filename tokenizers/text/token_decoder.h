// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// From tokens back to text: the `decoder` of a tokenizer.json, as what each token adds
// by itself. Immutable. Internal: see tokenizer_json_part.h. No torch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/text/text_pattern.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {

class TokenDecoder {
 public:
  // Without a decoder, tokens stand with a space between them.
  TokenDecoder() = default;
  // ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip of one character at the
  // start, and Sequence of them, in orders in which a token's bytes depend on whether
  // it is the first at most; others are refused by name.
  explicit TokenDecoder(const TokenizerJsonPart& part);

  // The bytes that a token adds to a text, at its beginning or later.
  [[nodiscard]] std::string
  bytes_of(std::string_view token, bool is_first, PatternScratch& scratch) const;
  // A space that begins a text, whatever token it is of, is taken away.
  [[nodiscard]] bool strips_first_space() const {
    return strips_first_space_;
  }
  // The same, or the first token loses its spaces.
  [[nodiscard]] bool drops_first_space() const;

 private:
  enum class Kind { ByteLevel, Metaspace, Replace, ByteFallback };
  struct Step {
    Kind kind = Kind::ByteLevel;
    std::string to = {}; // what Metaspace and Replace write
    std::optional<TextPattern> pattern = {};
    bool drops_first = false; // Metaspace: the first token has no spaces
  };

  void read(const TokenizerJsonPart& part);
  void read_strip(const TokenizerJsonPart& part);

  std::vector<Step> steps_;
  bool has_decoder_ = false;
  bool is_fused_ = false;
  bool strips_first_space_ = false;
};

} // namespace omni
