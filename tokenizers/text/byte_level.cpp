// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/byte_level.h"

#include <array>

#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
      (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<char32_t, 256> make_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    characters[byte] = stands_for_itself(byte) ? char32_t{byte} : next++;
  }
  return characters;
}

constexpr std::array<char32_t, 256> kCharacters = make_characters();
// 68 bytes do not stand for themselves.
constexpr size_t kNumCharacters = 0x100 + 68;

constexpr std::array<int16_t, kNumCharacters> make_bytes() {
  std::array<int16_t, kNumCharacters> bytes{};
  for (int16_t& byte : bytes) {
    byte = -1;
  }
  for (int16_t byte = 0; byte < 256; ++byte) {
    bytes[kCharacters[static_cast<size_t>(byte)]] = byte;
  }
  return bytes;
}

constexpr std::array<int16_t, kNumCharacters> kBytes = make_bytes();

} // namespace

char32_t character_of_byte(uint8_t byte) {
  return kCharacters[byte];
}

std::optional<std::string> bytes_of_characters(std::string_view token) {
  std::string bytes;
  while (!token.empty()) {
    const Utf8Character character = first_character(token);
    if (!character.is_valid || character.code_point >= kNumCharacters ||
        kBytes[character.code_point] < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(kBytes[character.code_point]);
    token.remove_prefix(character.num_bytes);
  }
  return bytes;
}

} // namespace omni
