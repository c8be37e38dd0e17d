// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/added_tokens.h"

#include <algorithm>
#include <utility>

#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// The character that ends at the end of `text`, which is not empty.
Utf8Character last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && continues_character(text[begin])) {
    --begin;
  }
  return first_character(text.substr(begin));
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 ||
          !is_word_character(last_character(text.substr(0, begin)).code_point)) &&
      (end == text.size() ||
       !is_word_character(first_character(text.substr(end)).code_point));
}

// Where the white space that ends at `end` begins, not before `begin`.
size_t white_space_begin(std::string_view text, size_t begin, size_t end) {
  while (end > begin) {
    const Utf8Character character = last_character(text.substr(0, end));
    if (!is_white_space(character.code_point)) {
      break;
    }
    end -= character.num_bytes;
  }
  return std::max(begin, end);
}

size_t white_space_end(std::string_view text, size_t begin) {
  while (begin < text.size()) {
    const Utf8Character character = first_character(text.substr(begin));
    if (!is_white_space(character.code_point)) {
      break;
    }
    begin += character.num_bytes;
  }
  return begin;
}

} // namespace

AddedTokenMatcher::AddedTokenMatcher(
    std::vector<AddedToken> tokens,
    const std::vector<std::string>& forms)
    : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < forms.size(); ++i) {
    if (!forms[i].empty()) {
      insert(forms[i], static_cast<uint32_t>(i + 1));
    }
  }
}

uint32_t AddedTokenMatcher::child_of(uint32_t node, char byte) const {
  uint32_t child = nodes_[node].first_child;
  while (child != 0 && nodes_[child].byte != byte) {
    child = nodes_[child].next_sibling;
  }
  return child;
}

void AddedTokenMatcher::insert(std::string_view form, uint32_t token) {
  uint32_t node = 0;
  for (const char byte : form) {
    uint32_t child = child_of(node, byte);
    if (child == 0) {
      child = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back({0, nodes_[node].first_child, 0, byte});
      nodes_[node].first_child = child;
    }
    node = child;
  }
  nodes_[node].token = token;
  const char first = form.front();
  roots_[static_cast<uint8_t>(first)] = child_of(0, first);
}

std::vector<AddedTokenPart> AddedTokenMatcher::parts_of(
    std::string_view text,
    const IsTokenAt& is_token_at) const {
  std::vector<AddedTokenPart> parts;
  size_t text_begin = 0; // of what is in no part yet
  size_t space_begin = 0; // of the white space looked through last
  size_t space_end = 0;
  for (size_t i = 0; i < text.size();) {
    const AddedToken* token = nullptr;
    size_t token_end = i;
    uint32_t node = roots_[static_cast<uint8_t>(text[i])];
    for (size_t k = i + 1; node != 0; ++k) {
      if (nodes_[node].token != 0) {
        token = &tokens_[nodes_[node].token - 1];
        token_end = k;
      }
      node = k < text.size() ? child_of(node, text[k]) : 0;
    }
    if (token == nullptr) {
      ++i;
      continue;
    }
    const size_t token_begin = std::exchange(i, token_end);
    if (!is_token_at(*token, token_begin, token_end) ||
        (token->is_single_word && !stands_alone(text, token_begin, token_end))) {
      continue;
    }
    const size_t begin = token->strips_left
        ? std::min(white_space_begin(text, text_begin, token_begin), token_begin)
        : token_begin;
    size_t end = token_end;
    if (token->strips_right) {
      if (end < space_begin || end > space_end) {
        space_begin = end;
        space_end = white_space_end(text, end);
      }
      end = space_end;
    }
    if (text_begin < begin) {
      parts.push_back({text_begin, begin, nullptr});
    }
    // A token within the space that the last one took gives back what follows it, as
    // in `tokenizers`.
    parts.push_back({begin, end, token});
    text_begin = end;
  }
  if (text_begin < text.size()) {
    parts.push_back({text_begin, text.size(), nullptr});
  }
  return parts;
}

} // namespace omni
