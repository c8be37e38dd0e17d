// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: characters and their properties as Python's str has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace omni {

// The characters of a text, invalid bytes as U+FFFD, and back.
[[nodiscard]] std::u32string characters_of(std::string_view text);
[[nodiscard]] std::string text_of(std::u32string_view characters);

[[nodiscard]] bool is_alphabetic(char32_t character);
[[nodiscard]] bool is_decimal(char32_t character);
[[nodiscard]] bool is_digit(char32_t character);
[[nodiscard]] bool is_numeric(char32_t character);
[[nodiscard]] bool is_space(char32_t character);
[[nodiscard]] bool is_printable(char32_t character);
[[nodiscard]] bool is_upper(char32_t character);
[[nodiscard]] bool is_lower(char32_t character);
[[nodiscard]] bool is_title(char32_t character);
// Where a text ends a line: \n, \r, and the rarer ones that splitlines() knows.
[[nodiscard]] bool is_line_end(char32_t character);

[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);
// The first character as in a title, the others in lower case.
[[nodiscard]] std::string to_capitalized(std::string_view text);
// Every run of letters capitalized.
[[nodiscard]] std::string to_titles(std::string_view text);
[[nodiscard]] std::string to_swapped_case(std::string_view text);

} // namespace omni
