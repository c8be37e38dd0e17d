// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Keeps special tokens that somebody typed apart from those of a chat template. Each
// typed one gets a mark before the template is rendered; where the marks come out is
// where text lies that was typed. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

class TypedSpecialTokens {
 public:
  // `texts` are all that will be marked: the mark is a character none of them has.
  // Throws ValueError when there is no such character.
  TypedSpecialTokens(
      std::vector<std::string> special_tokens,
      const std::vector<std::string_view>& texts);

  // `text` with a mark in every special token; as it is where there is none.
  [[nodiscard]] std::string marked(std::string_view text) const;

  struct Unmarked {
    std::string text;
    std::vector<int64_t> typed; // bytes of typed special tokens, one each, ascending
  };
  [[nodiscard]] Unmarked unmarked(std::string_view rendered) const;

 private:
  std::vector<std::string> special_tokens_;
  std::string mark_;
};

} // namespace omni
