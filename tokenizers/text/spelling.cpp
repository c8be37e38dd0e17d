// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/spelling.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// First letter of each group; letter 0 is reserved.
constexpr int64_t kLatin = 1;
constexpr int64_t kDigit = kLatin + 26;
constexpr int64_t kApostrophe = kDigit + 10;
constexpr int64_t kSpace = kApostrophe + 1;
constexpr int64_t kInitial = kSpace + 1;
constexpr int64_t kMedial = kInitial + 19;
constexpr int64_t kFinal = kMedial + 21;
static_assert(kFinal + 27 == kNumLetters);

// A syllable is kSyllables + (initial * 21 + medial) * 28 + final, final 0: none
// (Unicode 15, section 3.12).
constexpr char32_t kSyllables = 0xAC00;
constexpr int64_t kNumSyllables = 11172;
constexpr char32_t kInitialJamo = 0x1100;
constexpr char32_t kMedialJamo = 0x1161;
constexpr char32_t kFinalJamo = 0x11A8;
constexpr char32_t kMedialAlone = 0x314F; // ㅏ; the 21 medials follow in order

// How each jamo is written when it stands alone (U+3131 and following).
constexpr std::u32string_view kInitialsAlone =
    U"ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
constexpr std::u32string_view kFinalsAlone =
    U"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
static_assert(kInitialsAlone.size() == 19 && kFinalsAlone.size() == 27);

bool is_among(char32_t c, char32_t first, int64_t count) {
  return c >= first && c < first + static_cast<char32_t>(count);
}

bool is_white_space(char32_t c) {
  return c == U' ' || is_among(c, 0x09, 5) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
      is_among(c, 0x2000, 11) || is_among(c, 0x2028, 2) || c == 0x202F || c == 0x205F ||
      c == 0x3000;
}

// Letters of one character other than white space; none when it is not spelled.
void append_letters(std::vector<int64_t>& letters, char32_t c) {
  const auto add = [&](int64_t group, char32_t index) {
    letters.push_back(group + static_cast<int64_t>(index));
  };
  if (is_among(c, U'a', 26)) {
    add(kLatin, c - U'a');
  } else if (is_among(c, U'A', 26)) {
    add(kLatin, c - U'A');
  } else if (is_among(c, U'0', 10)) {
    add(kDigit, c - U'0');
  } else if (c == U'\'' || c == 0x2019) { // the typographic apostrophe
    add(kApostrophe, 0);
  } else if (is_among(c, kSyllables, kNumSyllables)) {
    const char32_t index = c - kSyllables;
    add(kInitial, index / (21 * 28));
    add(kMedial, index / 28 % 21);
    if (index % 28 > 0) {
      add(kFinal, index % 28 - 1);
    }
  } else if (is_among(c, kInitialJamo, 19)) {
    add(kInitial, c - kInitialJamo);
  } else if (is_among(c, kMedialJamo, 21)) {
    add(kMedial, c - kMedialJamo);
  } else if (is_among(c, kFinalJamo, 27)) {
    add(kFinal, c - kFinalJamo);
  } else if (is_among(c, kMedialAlone, 21)) {
    add(kMedial, c - kMedialAlone);
  } else if (const size_t i = kInitialsAlone.find(c); i != kInitialsAlone.npos) {
    add(kInitial, static_cast<char32_t>(i));
  } else if (const size_t f = kFinalsAlone.find(c); f != kFinalsAlone.npos) {
    add(kFinal, static_cast<char32_t>(f));
  }
}

// The character of a letter that stands alone.
char32_t character_of(int64_t letter) {
  if (letter >= kFinal) {
    return kFinalsAlone[static_cast<size_t>(letter - kFinal)];
  }
  if (letter >= kMedial) {
    return kMedialAlone + static_cast<char32_t>(letter - kMedial);
  }
  if (letter >= kInitial) {
    return kInitialsAlone[static_cast<size_t>(letter - kInitial)];
  }
  if (letter >= kDigit) {
    constexpr std::u32string_view kRest = U"0123456789' ";
    return kRest[static_cast<size_t>(letter - kDigit)];
  }
  return U'a' + static_cast<char32_t>(letter - kLatin);
}

bool is_medial(int64_t letter) {
  return letter >= kMedial && letter < kFinal;
}

} // namespace

std::vector<std::vector<int64_t>> spell_words(std::string_view text) {
  std::vector<std::vector<int64_t>> words;
  std::vector<int64_t> word;
  while (true) {
    const Utf8Character character = first_character(text);
    if (text.empty() || is_white_space(character.code_point)) {
      if (!word.empty()) {
        words.push_back(std::move(word));
        word.clear();
      }
      if (text.empty()) {
        return words;
      }
    } else if (character.is_valid) {
      append_letters(word, character.code_point);
    }
    text.remove_prefix(character.num_bytes);
  }
}

std::vector<int64_t> spell(std::string_view text) {
  std::vector<int64_t> letters;
  for (const std::vector<int64_t>& word : spell_words(text)) {
    if (!letters.empty()) {
      letters.push_back(kSpace);
    }
    letters.insert(letters.end(), word.begin(), word.end());
  }
  return letters;
}

std::string unspell(const std::vector<int64_t>& letters) {
  std::string text;
  for (size_t i = 0; i < letters.size(); ++i) {
    const int64_t letter = letters[i];
    if (letter < 1 || letter >= kNumLetters) {
      throw std::out_of_range(
          "[spelling] expected letters in [1, " + std::to_string(kNumLetters) +
          "), got " + std::to_string(letter) + ".");
    }
    const bool is_initial = letter >= kInitial && letter < kMedial;
    if (is_initial && i + 1 < letters.size() && is_medial(letters[i + 1])) {
      int64_t index = ((letter - kInitial) * 21 + letters[i + 1] - kMedial) * 28;
      ++i;
      if (i + 1 < letters.size() && letters[i + 1] >= kFinal &&
          letters[i + 1] < kNumLetters) {
        ++i;
        index += letters[i] - kFinal + 1;
      }
      append_character(text, kSyllables + static_cast<char32_t>(index));
    } else {
      append_character(text, character_of(letter));
    }
  }
  return text;
}

} // namespace omni
