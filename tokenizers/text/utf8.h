// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One character of UTF-8 at a time, as Unicode 15 section 3.9 defines it: no overlong
// forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace omni {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD"; // U+FFFD

struct Utf8Character {
  char32_t code_point = 0; // U+FFFD unless is_valid
  size_t num_bytes = 0; // of the character, or of the maximal invalid part; 0: no text
  bool is_valid = false;
  bool is_cut_short = false; // invalid only because the text ends inside it
};

// Whether a byte of UTF-8 goes on with the character before it.
[[nodiscard]] constexpr bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}
// The first character of `text`.
[[nodiscard]] Utf8Character first_character(std::string_view text);
// Appends a code point to `text`; it must not be a surrogate or above U+10FFFF.
void append_character(std::string& text, char32_t code_point);

} // namespace omni
