// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/jinja/unicode.h"

#include <algorithm>
#include <span>

#include "omni/conversation/jinja/unicode_tables.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// Ends and beginnings of ranges as one ascending list: inside after an odd number.
class CharacterSet {
 public:
  explicit CharacterSet(std::span<const uint32_t> gaps_and_sizes) {
    uint32_t bound = 0;
    for (const uint32_t size : gaps_and_sizes) {
      bounds_.push_back(bound += size);
    }
  }
  [[nodiscard]] bool has(char32_t character) const {
    const auto bound = std::upper_bound(
        bounds_.begin(), bounds_.end(), static_cast<uint32_t>(character));
    return (bound - bounds_.begin()) % 2 == 1;
  }

 private:
  std::vector<uint32_t> bounds_;
};

struct CharacterSets {
  CharacterSet alphabetic{kAlphabetic};
  CharacterSet decimal{kDecimal};
  CharacterSet digit{kDigit};
  CharacterSet numeric{kNumeric};
  CharacterSet printable{kPrintable};
  CharacterSet lower_alone{kLowerAlone};
  CharacterSet upper_alone{kUpperAlone};
  CharacterSet title_alone{kTitleAlone};
  CharacterSet not_lower{kNotLower};
  CharacterSet not_upper{kNotUpper};
};

const CharacterSets& sets() {
  static const CharacterSets sets;
  return sets;
}

struct CaseChange {
  std::span<const CaseRun> runs;
  std::span<const CaseSpecial> specials;

  // Where a run may hold the character, the run; runs overlap only by their strides.
  [[nodiscard]] char32_t one(char32_t character) const {
    const auto code = static_cast<uint32_t>(character);
    auto run = std::upper_bound(
        runs.begin(), runs.end(), code,
        [](uint32_t value, const CaseRun& row) { return value < row.first; });
    for (int tries = 0; tries < 2 && run != runs.begin(); ++tries) {
      --run;
      if (code <= run->last && (code - run->first) % run->stride == 0) {
        return static_cast<char32_t>(static_cast<int64_t>(code) + run->delta);
      }
    }
    return character;
  }

  [[nodiscard]] const char* several(char32_t character) const {
    const auto code = static_cast<uint32_t>(character);
    const auto row = std::lower_bound(
        specials.begin(), specials.end(), code,
        [](const CaseSpecial& special, uint32_t value) {
          return special.code_point < value;
        });
    return row != specials.end() && row->code_point == code ? row->text : nullptr;
  }

  [[nodiscard]] bool changes(char32_t character) const {
    return several(character) != nullptr || one(character) != character;
  }

  void append(std::string& text, char32_t character) const {
    if (const char* special = character < 0x80 ? nullptr : several(character)) {
      text += special;
    } else {
      append_character(text, one(character));
    }
  }
};

const CaseChange kUpperChange{kToUpper, kToUpperSpecial};
const CaseChange kLowerChange{kToLower, kToLowerSpecial};
const CaseChange kTitleChange{kToTitle, kToTitleSpecial};

bool is_cased(char32_t character) {
  return is_upper(character) || is_lower(character) || is_title(character);
}

// Characters that stand inside a word without being letters of it, for the final sigma.
bool is_ignored_by_case(char32_t character) {
  return character == U'\'' || character == U'.' || character == U':' ||
      character == U'\u00B7' || character == U'\u2019' || character == U'\u00AD' ||
      (character >= U'\u0300' && character <= U'\u036F');
}

constexpr char32_t kSigma = U'\u03A3';
constexpr char32_t kFinalSigma = U'\u03C2';

void append_lower(std::string& text, std::u32string_view all, size_t i) {
  if (all[i] != kSigma) {
    kLowerChange.append(text, all[i]);
    return;
  }
  size_t before = i;
  while (before > 0 && is_ignored_by_case(all[before - 1])) {
    --before;
  }
  size_t after = i + 1;
  while (after < all.size() && is_ignored_by_case(all[after])) {
    ++after;
  }
  const bool is_final = before > 0 && is_cased(all[before - 1]) &&
      (after == all.size() || !is_cased(all[after]));
  append_character(text, is_final ? kFinalSigma : U'\u03C3');
}

} // namespace

std::u32string characters_of(std::string_view text) {
  std::u32string characters;
  characters.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    characters += character.code_point;
    text.remove_prefix(character.num_bytes);
  }
  return characters;
}

std::string text_of(std::u32string_view characters) {
  std::string text;
  text.reserve(characters.size());
  for (const char32_t character : characters) {
    append_character(text, character);
  }
  return text;
}

bool is_alphabetic(char32_t character) {
  return sets().alphabetic.has(character);
}
bool is_decimal(char32_t character) {
  return sets().decimal.has(character);
}
bool is_digit(char32_t character) {
  return sets().digit.has(character);
}
bool is_numeric(char32_t character) {
  return sets().numeric.has(character);
}
bool is_printable(char32_t character) {
  return sets().printable.has(character);
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 ||
      c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
      c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_line_end(char32_t c) {
  return (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 ||
      c == 0x2029;
}

bool is_upper(char32_t character) {
  return sets().upper_alone.has(character) ||
      (kLowerChange.changes(character) && !sets().not_upper.has(character));
}

bool is_lower(char32_t character) {
  return sets().lower_alone.has(character) ||
      (kUpperChange.changes(character) && !sets().not_lower.has(character));
}

bool is_title(char32_t character) {
  return sets().title_alone.has(character);
}

std::string to_upper(std::string_view text) {
  std::string upper;
  for (const char32_t character : characters_of(text)) {
    kUpperChange.append(upper, character);
  }
  return upper;
}

std::string to_lower(std::string_view text) {
  const std::u32string all = characters_of(text);
  std::string lower;
  for (size_t i = 0; i < all.size(); ++i) {
    append_lower(lower, all, i);
  }
  return lower;
}

std::string to_capitalized(std::string_view text) {
  const std::u32string all = characters_of(text);
  std::string changed;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i == 0) {
      kTitleChange.append(changed, all[i]);
    } else {
      append_lower(changed, all, i);
    }
  }
  return changed;
}

std::string to_titles(std::string_view text) {
  const std::u32string all = characters_of(text);
  std::string changed;
  bool is_inside = false;
  for (size_t i = 0; i < all.size(); ++i) {
    if (is_inside) {
      append_lower(changed, all, i);
    } else {
      kTitleChange.append(changed, all[i]);
    }
    is_inside = is_cased(all[i]);
  }
  return changed;
}

std::string to_swapped_case(std::string_view text) {
  const std::u32string all = characters_of(text);
  std::string changed;
  for (size_t i = 0; i < all.size(); ++i) {
    if (is_upper(all[i])) {
      append_lower(changed, all, i);
    } else if (is_lower(all[i])) {
      kUpperChange.append(changed, all[i]);
    } else {
      append_character(changed, all[i]);
    }
  }
  return changed;
}

} // namespace omni
