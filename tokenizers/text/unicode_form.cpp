// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Note [Normalisation in places]
// A character is stable in a form when it keeps its place and its look whatever stands
// around it: it is a starter, has no decomposition that stays decomposed, and joins no
// character before it. Only runs of other characters, with the stable character before
// each, are taken apart, ordered and put together.
//
// Note [Where a new character comes from]
// `tokenizers` counts for each character of the result how many it stands for: 1 is an
// added character, 0 one that replaces, -n one that replaces and swallows n after it.
// Reordering moves these counts along, so that ranges are those of the count, not of
// the mark. The same is done here, to get the same ranges.
#include "tokenizers/text/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

struct FormCharacter {
  char32_t character = 0;
  int change = 0; // see the second note
  int combining_class = 0;
};

using FormCharacters = std::vector<FormCharacter>;

bool composes(UnicodeForm form) {
  return form == UnicodeForm::Nfc || form == UnicodeForm::Nfkc;
}

int combining_class_of(char32_t character) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(character))
      ->combining_class;
}

void append_decomposed(
    FormCharacters& characters,
    char32_t character,
    UnicodeForm form) {
  constexpr int kMaxParts = 32; // the longest in Unicode has 18
  std::array<utf8proc_int32_t, kMaxParts> parts{};
  const bool is_compatible = form == UnicodeForm::Nfkc || form == UnicodeForm::Nfkd;
  int boundary = 0;
  const auto num_parts = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(character), parts.data(), kMaxParts,
      static_cast<utf8proc_option_t>(
          is_compatible ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE),
      &boundary);
  if (num_parts < 1 || num_parts > kMaxParts) {
    characters.push_back({character, 0, combining_class_of(character)});
    return;
  }
  for (int i = 0; i < num_parts; ++i) {
    const auto part = static_cast<char32_t>(parts[static_cast<size_t>(i)]);
    characters.push_back({part, i == 0 ? 0 : 1, combining_class_of(part)});
  }
}

// Marks between starters in the order of their classes.
void order(FormCharacters& characters) {
  auto begin = characters.begin();
  while (begin != characters.end()) {
    const auto is_starter = [](const FormCharacter& c) {
      return c.combining_class == 0;
    };
    begin = std::find_if_not(begin, characters.end(), is_starter);
    const auto end = std::find_if(begin, characters.end(), is_starter);
    std::stable_sort(begin, end, [](const FormCharacter& a, const FormCharacter& b) {
      return a.combining_class < b.combining_class;
    });
    begin = end;
  }
}

// The character that two together are; 0 when they are none.
char32_t composed(char32_t first, char32_t second) {
  std::array<utf8proc_int32_t, 2> pair = {
      static_cast<utf8proc_int32_t>(first), static_cast<utf8proc_int32_t>(second)};
  const auto length = utf8proc_normalize_utf32(
      pair.data(), 2,
      static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  return length == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

FormCharacters compose(const FormCharacters& characters) {
  FormCharacters result;
  size_t starter = characters.size(); // in the result; none yet
  int last_class = 0; // of what stands between the starter and the next
  for (const FormCharacter& next : characters) {
    const bool has_starter = starter < result.size();
    const bool is_adjacent = has_starter && starter + 1 == result.size();
    if (has_starter && (is_adjacent || last_class < next.combining_class)) {
      FormCharacter& first = result[starter];
      if (const char32_t both = composed(first.character, next.character); both != 0) {
        first.character = both;
        first.change += next.change - 1;
        continue;
      }
    }
    if (next.combining_class == 0) {
      starter = result.size();
    }
    last_class = next.combining_class;
    result.push_back(next);
  }
  return result;
}

// Starters that may join the starter before them.
bool joins_a_starter(char32_t c) {
  constexpr std::array<char32_t, 30> kSeconds = {
      0x9BE,   0x9D7,   0xB3E,   0xB56,   0xB57,   0xBBE,   0xBD7,   0xCC2,
      0xCD5,   0xCD6,   0xD3E,   0xD57,   0xDCF,   0xDDF,   0x102E,  0x1B35,
      0x11127, 0x1133E, 0x11357, 0x113B8, 0x113BB, 0x113C2, 0x113C5, 0x113C7,
      0x113C8, 0x113C9, 0x114B0, 0x114BA, 0x114BD, 0x115AF};
  return is_in(c, 0x1161, 0x1175) || is_in(c, 0x11A8, 0x11C2) ||
      std::ranges::binary_search(kSeconds, c) || c == 0x11930;
}

// See the first note. Common scripts are known without a look into the tables.
bool is_stable(char32_t c, UnicodeForm form) {
  if (c < 0xA0) {
    return true;
  }
  if (is_in(c, 0x4E00, 0x9FFF) || is_in(c, 0x3041, 0x304A)) {
    return true;
  }
  if (is_in(c, 0xAC00, 0xD7A3)) {
    return composes(form);
  }
  if (c < 0x300 && form == UnicodeForm::Nfc) {
    return true;
  }
  FormCharacters alone;
  append_decomposed(alone, c, form);
  if (composes(form)) {
    order(alone);
    alone = compose(alone);
  }
  return alone.size() == 1 && alone[0].character == c &&
      alone[0].combining_class == 0 && !(composes(form) && joins_a_starter(c));
}

class Normaliser {
 public:
  Normaliser(const AlignedText& text, UnicodeForm form)
      : text_(text.text()), form_(form), edit_(text) {}

  // The run [begin, end) in the form.
  void append_run(size_t begin, size_t end) {
    FormCharacters characters;
    for (size_t i = begin; i < end;) {
      const Utf8Character character = first_character(text_.substr(i));
      append_decomposed(characters, character.code_point, form_);
      i += character.num_bytes;
    }
    order(characters);
    if (composes(form_)) {
      characters = compose(characters);
    }
    size_t offset = begin; // in the old text
    for (const FormCharacter& next : characters) {
      std::string bytes;
      append_character(bytes, next.character);
      if (next.change <= 0) {
        edit_.insert(bytes, std::min(offset, text_.size() - 1));
      } else if (offset > 0) {
        edit_.insert(bytes, offset - 1);
      } else {
        edit_.insert_at_start(bytes);
      }
      for (int i = next.change; i <= 0; ++i) {
        offset +=
            first_character(text_.substr(std::min(offset, text_.size()))).num_bytes;
      }
    }
  }

  void copy(size_t begin, size_t end) {
    edit_.copy(begin, end);
  }

  AlignedText take() {
    return edit_.take();
  }

 private:
  std::string_view text_;
  UnicodeForm form_;
  AlignedEdit edit_;
};

} // namespace

AlignedText to_form(AlignedText text, UnicodeForm form) {
  const std::string& bytes = text.text();
  std::optional<Normaliser> normaliser;
  size_t written = 0;
  size_t last_stable = 0; // where the last stable character begins
  for (size_t i = 0; i < bytes.size();) {
    if (static_cast<uint8_t>(bytes[i]) < 0x80) {
      last_stable = i++;
      continue;
    }
    Utf8Character character = first_character(std::string_view(bytes).substr(i));
    if (is_stable(character.code_point, form)) {
      last_stable = i;
      i += character.num_bytes;
      continue;
    }
    if (!normaliser) {
      normaliser.emplace(text, form);
    }
    const size_t begin = std::max(last_stable, written);
    while (i < bytes.size() && !is_stable(character.code_point, form)) {
      i += character.num_bytes;
      character = first_character(std::string_view(bytes).substr(i));
    }
    normaliser->copy(written, begin);
    normaliser->append_run(begin, i);
    written = i;
    last_stable = i;
  }
  if (!normaliser) {
    return text;
  }
  normaliser->copy(written, bytes.size());
  return normaliser->take();
}

} // namespace omni
