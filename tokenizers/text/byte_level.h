// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Byte-level vocabularies write each of the 256 bytes as one printable character: Latin
// letters and signs as themselves, the others as U+0100 and following (GPT-2). Free
// functions on such texts. No torch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace omni {

// The character that stands for a byte.
[[nodiscard]] char32_t character_of_byte(uint8_t byte);
// The bytes that a token of such a vocabulary is for; nothing when one of its
// characters stands for no byte, or it is not UTF-8.
[[nodiscard]] std::optional<std::string> bytes_of_characters(std::string_view token);

} // namespace omni
