// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Errors of recognition: insertions, deletions and substitutions against what should
// have been read (Levenshtein), by word or by character.
#pragma once

#include <cstdint>
#include <string>

namespace omni {

struct ErrorCount {
  int64_t errors = 0;
  int64_t length = 0; // words or characters of the reference

  ErrorCount& operator+=(const ErrorCount& other) {
    errors += other.errors;
    length += other.length;
    return *this;
  }
  [[nodiscard]] double rate() const {
    return length == 0 ? 0.0
                       : static_cast<double>(errors) / static_cast<double>(length);
  }
};

[[nodiscard]] ErrorCount word_errors(
    const std::string& read,
    const std::string& reference);
// By Unicode code point; spaces do not count.
[[nodiscard]] ErrorCount character_errors(
    const std::string& read,
    const std::string& reference);

} // namespace omni
