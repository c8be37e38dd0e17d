// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/unicode_properties.h"

#include <utf8proc.h>

namespace omni {
namespace {

utf8proc_category_t category_of(char32_t character) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

} // namespace

bool is_white_space(char32_t character) {
  if (character < 0x80) {
    return character == U' ' || is_in(character, 0x09, 0x0D);
  }
  return character == 0x85 || character == 0xA0 || character == 0x1680 ||
      is_in(character, 0x2000, 0x200A) || is_in(character, 0x2028, 0x2029) ||
      character == 0x202F || character == 0x205F || character == 0x3000;
}

bool is_number(char32_t character) {
  if (character < 0x80) {
    return is_in(character, U'0', U'9');
  }
  const utf8proc_category_t category = category_of(character);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
      category == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t character) {
  if (character < 0x80) {
    return is_in(character, 0x21, 0x2F) || is_in(character, 0x3A, 0x40) ||
        is_in(character, 0x5B, 0x60) || is_in(character, 0x7B, 0x7E);
  }
  const utf8proc_category_t category = category_of(character);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_word_character(char32_t character) {
  const utf8proc_category_t category = category_of(character);
  // Categories are numbered LU LL LT LM LO MN MC ME ND NL NO PC ...; the letter numbers
  // and the circled letters count as alphabetic.
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) ||
      category == UTF8PROC_CATEGORY_PC || is_in(character, 0x24B6, 0x24E9) ||
      is_in(character, 0x1F130, 0x1F149) || is_in(character, 0x1F150, 0x1F169) ||
      is_in(character, 0x1F170, 0x1F189) || is_in(character, 0x200C, 0x200D);
}

char32_t to_lower(char32_t character) {
  return static_cast<char32_t>(
      utf8proc_tolower(static_cast<utf8proc_int32_t>(character)));
}

} // namespace omni
