// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Sets of characters in regular expressions, from Oniguruma's to PCRE2's: escapes such
// as \s, properties such as \p{L}, and bracketed classes. Internal: see
// pattern_translation.h. No torch.
#pragma once

#include <string>
#include <string_view>

namespace omni {

// Takes `\p{...}`, `\s`, `\w`, ... from the front of `rest`, which begins with the
// backslash, and gives the class's content for PCRE2; empty, and `rest` unchanged, when
// the escape stands for no set. `is_negated` says that the content is to be negated.
struct EscapedSet {
  std::string content;
  bool is_negated = false;
};
[[nodiscard]] EscapedSet take_escaped_set(std::string_view& rest);

// Takes an escape that stands for one character, such as \n, \x{AC00} or \[.
[[nodiscard]] std::string take_escaped_character(std::string_view& rest);

// Takes a bracketed class, which `rest` begins with.
[[nodiscard]] std::string take_class(std::string_view& rest);

} // namespace omni
