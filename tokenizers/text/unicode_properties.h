// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What Unicode says of single characters, as far as published tokenizers ask. Internal:
// utf8proc stands behind it. No torch.
#pragma once

namespace omni {

[[nodiscard]] constexpr bool is_in(char32_t character, char32_t first, char32_t last) {
  return character >= first && character <= last;
}

// White_Space, which no version of Unicode has changed since 6.3.
[[nodiscard]] bool is_white_space(char32_t character);
// General category N: digits, letter numbers, other numbers.
[[nodiscard]] bool is_number(char32_t character);
// General category P, and the signs among ASCII's punctuation.
[[nodiscard]] bool is_punctuation(char32_t character);
// Letters, marks, decimal digits, connector punctuation: what `\w` means.
[[nodiscard]] bool is_word_character(char32_t character);
// The simple mapping; U+0130 alone becomes more than one character (i, U+0307).
[[nodiscard]] char32_t to_lower(char32_t character);

} // namespace omni
