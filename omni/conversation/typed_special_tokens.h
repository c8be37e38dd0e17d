// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Keeps tokens that somebody typed apart from those of a chat template. Each typed one
// gets a mark before the template is rendered; where the marks come out is where text
// lies that was typed. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

// A character that stands for nothing, put where something was typed.
class TypedMark {
 public:
  // `texts` are all that a prompt is made of: the mark is a character none of them has,
  // as it is or as `\ufdd0`. Throws ValueError when there is no such character.
  explicit TypedMark(const std::vector<std::string>& texts);

  [[nodiscard]] const std::string& text() const {
    return text_;
  }

  struct Unmarked {
    std::string text;
    std::vector<int64_t> typed; // offsets at which there was a mark, ascending
  };
  // Takes out the marks, also those that became escapes: JSON in ASCII and Python's
  // repr() write them so.
  [[nodiscard]] Unmarked unmarked(std::string_view rendered) const;

 private:
  std::string text_;
  std::string escape_;
};

// Whether a token begins with a sign, as those that mark something do, and not with a
// letter, a digit or a space.
[[nodiscard]] bool begins_with_sign(std::string_view token);

class TypedSpecialTokens {
 public:
  explicit TypedSpecialTokens(const std::vector<std::string>& tokens);

  // `text`, valid UTF-8, with a mark in every token that it spells; as it is where
  // there is none. Of tokens that begin with a sign also in what becomes one in another
  // case or in a compatible form of Unicode, and in a part of one that ends the text.
  [[nodiscard]] std::string marked(std::string_view text, const TypedMark& mark) const;

 private:
  std::vector<std::string> tokens_; // sorted
  std::vector<std::string> folded_; // sorted; those that begin with a sign
};

} // namespace omni
