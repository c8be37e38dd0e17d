// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Text as letters: Latin a-z, digits, apostrophe, word space, and Korean jamo by their
// place in the syllable (19 initials, 21 medials, 27 finals). The alphabet of the CTC
// head and of what a speech reply spells before it says it. Free functions; letter 0
// is reserved (CTC blank).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

inline constexpr int64_t kNumLetters = 1 + 26 + 10 + 1 + 1 + 19 + 21 + 27; // 106

// Letters in [1, kNumLetters) of UTF-8 `text`: lower-cased, whitespace runs one space
// letter, none at the ends; characters outside the alphabet are left out.
[[nodiscard]] std::vector<int64_t> spell(std::string_view text);
// The text of letters: jamo are composed into syllables where they form one.
[[nodiscard]] std::string unspell(const std::vector<int64_t>& letters);
// `text` cut at whitespace, each word spelled (words without letters are left out).
[[nodiscard]] std::vector<std::vector<int64_t>> spell_words(std::string_view text);

} // namespace omni
