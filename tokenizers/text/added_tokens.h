// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Tokens that are found in a text before it is cut into words: special ones and others,
// with what each says of the white space and words around it. Immutable. Internal: no
// torch.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

struct AddedToken {
  std::string content;
  uint32_t id = 0;
  bool is_special = false;
  bool is_single_word = false; // only where no word goes on
  bool strips_left = false; // takes the white space before it too
  bool strips_right = false;
  bool is_normalized = false; // is looked for in the normalised text
};

// A part of a text: a token that was found, or text between tokens.
struct AddedTokenPart {
  size_t begin = 0; // bytes, half-open
  size_t end = 0;
  const AddedToken* token = nullptr;
};

class AddedTokenMatcher {
 public:
  AddedTokenMatcher() = default;
  // Finds `tokens`, as they are or as `forms` (of the same length) writes them.
  AddedTokenMatcher(
      std::vector<AddedToken> tokens,
      const std::vector<std::string>& forms);

  // Whether what spells a token at bytes [begin, end) is one, and not text.
  using IsTokenAt =
      std::function<bool(const AddedToken& token, size_t begin, size_t end)>;

  // Leftmost tokens, the longest of those that begin together, and the text between
  // them; a token that is text is skipped (no token is looked for inside it).
  [[nodiscard]] std::vector<AddedTokenPart> parts_of(
      std::string_view text,
      const IsTokenAt& is_token_at) const;
  [[nodiscard]] std::vector<AddedTokenPart> parts_of(
      std::string_view text,
      bool allow_special) const {
    return parts_of(text, [allow_special](const AddedToken& token, size_t, size_t) {
      return allow_special || !token.is_special;
    });
  }

 private:
  struct Node {
    uint32_t first_child = 0; // 0: none
    uint32_t next_sibling = 0;
    uint32_t token = 0; // index plus one; 0: none ends here
    char byte = 0;
  };

  void insert(std::string_view form, uint32_t token);
  [[nodiscard]] uint32_t child_of(uint32_t node, char byte) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<uint32_t, 256> roots_{}; // the node of each first byte
};

} // namespace omni
