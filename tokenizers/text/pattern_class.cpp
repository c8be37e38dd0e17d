// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/pattern_class.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tokenizers/text/pattern_translation.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// White_Space. PCRE2's own \s has U+180E too, which Unicode took out.
constexpr std::string_view kSpace =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kNoSpace =
    R"(\x{00}-\x{08}\x{0E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F})"
    R"(\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E})"
    R"(\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
// Oniguruma counts the superscripts and fractions of Latin-1 too.
constexpr std::string_view kWord =
    R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
constexpr std::string_view kHexDigit = "0-9A-Fa-f";

// General categories by their long names, which PCRE2 does not know.
constexpr std::array<std::pair<std::string_view, std::string_view>, 29> kCategories = {{
    {"letter", "L"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"other", "C"},
}};

// Binary properties by the names they have in both.
constexpr std::array<std::string_view, 10> kProperties = {
    "Alphabetic",         "Any",         "Emoji",
    "Emoji_Presentation", "Ideographic", "Extended_Pictographic",
    "Lowercase",          "Uppercase",   "ID_Start",
    "ID_Continue"};

char to_lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// How property names are compared: without case, spaces, hyphens and underscores.
std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != ' ' && c != '-' && c != '_') {
      text += to_lower_ascii(c);
    }
  }
  return text;
}

bool is_category(std::string_view name) {
  constexpr std::string_view kGroups = "lmnpszc";
  constexpr std::array<std::string_view, 7> kMembers = {
      "ultmo", "nce", "dlo", "cdseifo", "mcko", "slp", "cfno"};
  const size_t group = name.empty() ? kGroups.npos : kGroups.find(name[0]);
  return group != kGroups.npos &&
      (name.size() == 1 ||
       (name.size() == 2 && kMembers[group].find(name[1]) != std::string_view::npos));
}

std::string property_of(std::string_view name) {
  const std::string key = folded(name);
  const auto category = std::ranges::find(
      kCategories, std::string_view(key),
      [](const auto& entry) { return entry.first; });
  if (category != kCategories.end()) {
    return std::string(category->second);
  }
  if (is_category(key)) {
    std::string short_name = key;
    short_name[0] = static_cast<char>(short_name[0] - 'a' + 'A');
    return short_name;
  }
  for (const std::string_view property : kProperties) {
    if (folded(property) == key) {
      return std::string(property);
    }
  }
  const bool is_name = !key.empty() &&
      std::ranges::all_of(key, [](char c) { return c >= 'a' && c <= 'z'; });
  if (!is_name || key == "alpha" || key == "alnum" || key == "punct" ||
      key == "space" || key == "word" || key == "digit") {
    throw PatternError("the property \\p{" + std::string(name) + "}");
  }
  // The script itself; PCRE2 would else take the extensions of scripts too.
  return "sc:" + key;
}

EscapedSet take_property(std::string_view& rest) {
  EscapedSet set;
  set.is_negated = rest[1] == 'P';
  const size_t end = rest.find('}');
  if (rest.size() < 4 || rest[2] != '{' || end == rest.npos || end > 64) {
    throw PatternError("\\p without a name in braces");
  }
  std::string_view name = rest.substr(3, end - 3);
  if (name.starts_with('^')) {
    set.is_negated = !set.is_negated;
    name.remove_prefix(1);
  }
  set.content = "\\p{" + property_of(name) + "}";
  rest.remove_prefix(end + 1);
  return set;
}

// [:name:] inside a class.
std::string take_posix_class(std::string_view& rest) {
  const size_t end = rest.find(":]");
  const std::string_view name = rest.substr(2, end == rest.npos ? 0 : end - 2);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kClasses = {{
      {"alpha", R"(\p{Alphabetic})"},
      {"alnum", R"(\p{Alphabetic}\p{Nd})"},
      {"digit", R"(\p{Nd})"},
      {"lower", R"(\p{Lowercase})"},
      {"upper", R"(\p{Uppercase})"},
      {"space", kSpace},
      {"xdigit", kHexDigit},
  }};
  for (const auto& [known, content] : kClasses) {
    if (known == name) {
      rest.remove_prefix(end + 2);
      return std::string(content);
    }
  }
  throw PatternError("the class [:" + std::string(name) + ":]");
}

// The negated form of a set within a class that has other members too.
std::string negated(std::string_view content) {
  if (content == kSpace) {
    return std::string(kNoSpace);
  }
  if (content.starts_with(R"(\p{)") && content.find('}') == content.size() - 1) {
    return "\\P" + std::string(content.substr(2));
  }
  throw PatternError("\\W or \\H inside a class");
}

} // namespace

EscapedSet take_escaped_set(std::string_view& rest) {
  const char letter = rest.size() > 1 ? rest[1] : '\0';
  std::string_view content;
  switch (letter) {
    case 'p':
    case 'P':
      return take_property(rest);
    case 's':
    case 'S':
      content = kSpace;
      break;
    case 'w':
    case 'W':
      content = kWord;
      break;
    case 'd':
    case 'D':
      content = R"(\p{Nd})";
      break;
    case 'h':
    case 'H':
      content = kHexDigit;
      break;
    default:
      return {};
  }
  rest.remove_prefix(2);
  return {std::string(content), letter < 'a'};
}

std::string take_escaped_character(std::string_view& rest) {
  constexpr uint32_t kMaxCodePoint = 0x10FFFF;
  const auto take_hex = [&](size_t begin, size_t end, size_t after) {
    const std::string_view digits = rest.substr(begin, end - begin);
    uint32_t value = 0;
    for (const char c : digits) {
      const size_t digit = std::string_view("0123456789abcdef").find(to_lower_ascii(c));
      if (digit == std::string_view::npos || digits.size() > 8) {
        throw PatternError("an escape with wrong hexadecimal digits");
      }
      value = value << 4 | static_cast<uint32_t>(digit);
    }
    if (digits.empty() || value > kMaxCodePoint ||
        (value >= 0xD800 && value < 0xE000)) {
      throw PatternError("an escape that is no character");
    }
    std::string text = "\\x{" + std::string(digits) + "}";
    rest.remove_prefix(after);
    return text;
  };
  const char letter = rest.size() > 1 ? rest[1] : '\0';
  if (letter == 'x' && rest.size() > 2 && rest[2] == '{') {
    const size_t end = std::min(rest.find('}'), rest.size() - 1);
    return take_hex(3, end, end + 1);
  }
  // Two digits above 7F are a byte, not a character.
  if (letter == 'x' && rest.size() >= 4 && rest[2] >= '0' && rest[2] <= '7') {
    return take_hex(2, 4, 4);
  }
  if (letter == 'u' && rest.size() >= 6) {
    return take_hex(2, 6, 6);
  }
  constexpr std::string_view kControls = "tnrfvae";
  constexpr std::array<std::string_view, 7> kWritten = {"\\t",   "\\n",   "\\r",  "\\f",
                                                        "\\x0B", "\\x07", "\\x1B"};
  const size_t control = kControls.find(letter);
  const bool is_alphanumeric = (letter >= '0' && letter <= '9') ||
      (to_lower_ascii(letter) >= 'a' && to_lower_ascii(letter) <= 'z');
  if (letter != '\0' && control != kControls.npos) {
    rest.remove_prefix(2);
    return std::string(kWritten[control]);
  }
  if (letter == '\0' || is_alphanumeric) {
    throw PatternError("the escape \\" + std::string(rest.substr(1, 1)));
  }
  const size_t num_bytes = first_character(rest.substr(1)).num_bytes;
  const bool is_ascii = static_cast<uint8_t>(letter) < 0x80;
  std::string text(is_ascii ? "\\" : "");
  text += rest.substr(1, num_bytes);
  rest.remove_prefix(1 + num_bytes);
  return text;
}

std::string take_class(std::string_view& rest) {
  std::string text = "[";
  rest.remove_prefix(1);
  if (rest.starts_with('^')) {
    text += '^';
    rest.remove_prefix(1);
  }
  bool is_first = true;
  bool begins_range = false; // what came last is one character
  while (!rest.starts_with(']') || is_first) {
    is_first = false;
    bool is_character = false;
    if (rest.empty()) {
      throw PatternError("a class without its end");
    }
    if (rest.starts_with("&&")) {
      throw PatternError("an intersection && of classes");
    }
    if (rest.starts_with("[:")) {
      text += take_posix_class(rest);
    } else if (rest.front() == '[') {
      throw PatternError("a class inside a class");
    } else if (rest.starts_with("\\b")) {
      text += "\\x08";
      rest.remove_prefix(2);
      is_character = true;
    } else if (rest.front() == '\\') {
      EscapedSet set = take_escaped_set(rest);
      is_character = set.content.empty();
      text += is_character ? take_escaped_character(rest)
          : set.is_negated ? negated(set.content)
                           : set.content;
    } else if (rest.front() == '-') {
      const std::string_view next = rest.substr(1);
      const bool is_range =
          begins_range && !next.empty() && next.front() != ']' && next.front() != '[';
      text += is_range ? "-" : "\\-";
      rest.remove_prefix(1);
      if (is_range && next.front() == '\\') {
        if (!take_escaped_set(rest).content.empty()) {
          throw PatternError("a range that ends in a class");
        }
      }
      // What follows ends the range, and begins no other.
      if (is_range) {
        text += rest.front() == '\\' ? take_escaped_character(rest) : "";
        if (next.front() != '\\') {
          const size_t num_bytes = first_character(rest).num_bytes;
          text += rest.front() == '-' ? "\\-" : std::string(rest.substr(0, num_bytes));
          rest.remove_prefix(num_bytes);
        }
      }
    } else {
      const size_t num_bytes = first_character(rest).num_bytes;
      text += rest.front() == ']' || rest.front() == '^' ? "\\" : "";
      text += rest.substr(0, num_bytes);
      rest.remove_prefix(num_bytes);
      is_character = true;
    }
    begins_range = is_character;
  }
  rest.remove_prefix(1);
  return text + ']';
}

} // namespace omni
