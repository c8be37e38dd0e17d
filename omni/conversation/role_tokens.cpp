// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/role_tokens.h"

#include <algorithm>
#include <string_view>

#include "omni/conversation/typed_special_tokens.h"
#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// A sign, and a word somewhere behind it.
bool looks_like_mark(std::string_view token) {
  if (!begins_with_sign(token)) {
    return false;
  }
  while (!token.empty()) {
    const Utf8Character character = first_character(token);
    if (is_word_character(character.code_point)) {
      return true;
    }
    token.remove_prefix(character.num_bytes);
  }
  return false;
}

// Whether the token is made of a role's name and what `source` spells around it.
bool joins_a_role(std::string_view token, std::string_view source) {
  for (const std::string_view role : {"system", "user", "assistant", "tool"}) {
    const size_t at = token.find(role);
    if (at == token.npos || at == 0 || at + role.size() == token.size()) {
      continue;
    }
    if (source.find(token.substr(0, at)) != source.npos &&
        source.find(token.substr(at + role.size())) != source.npos) {
      return true;
    }
  }
  return false;
}

} // namespace

// Note [Which tokens play a role]
// Vocabularies have added tokens that are no marks: words, runs of spaces, "...". They
// stay what they are, whether or not a template happens to have the like in its source.
std::vector<std::string> role_tokens(
    const TextTokenizer& tokenizer,
    const ChatTemplate& chat_template,
    const std::vector<std::string>& marks) {
  std::vector<std::string> spelled = marks;
  spelled.push_back(chat_template.source());
  for (const auto& [name, value] : chat_template.defaults()) {
    if (value.is_text()) {
      spelled.push_back(value.as_text());
    }
  }
  const auto plays_a_role = [&](const std::string& token) {
    const bool has_mark = std::ranges::any_of(marks, [&](const std::string& mark) {
      return looks_like_mark(mark) && token.find(mark) != token.npos;
    });
    const bool is_spelled = std::ranges::any_of(
        spelled, [&](const auto& text) { return text.find(token) != text.npos; });
    return has_mark ||
        (looks_like_mark(token) &&
         (is_spelled || joins_a_role(token, chat_template.source())));
  };
  const auto special = tokenizer.special_tokens();
  std::vector<std::string> tokens;
  for (const auto& [token, id] : tokenizer.added_tokens()) {
    if (special.contains(token) || plays_a_role(token)) {
      tokens.push_back(token);
    }
  }
  return tokens;
}

} // namespace omni
