// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Texts and files that the tests of text share; the same for a seed on every machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace omni::test {

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(OMNI_GOLDEN_DIR) / name;
}

inline std::string random_bytes(std::mt19937& random, size_t max_length) {
  std::string bytes(random() % (max_length + 1), '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  return bytes;
}

// Valid UTF-8 of random code points, of every length in bytes.
std::string random_text(std::mt19937& random, size_t max_characters);

// Where Unicode's rules bend: see the table in the .cpp.
const std::vector<std::string>& difficult_texts();

} // namespace omni::test
