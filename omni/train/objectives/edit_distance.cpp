// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/objectives/edit_distance.h"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <vector>

#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

std::vector<std::string> characters_of(const std::string& text) {
  std::vector<std::string> characters;
  for (const char c : text) {
    if (continues_character(c) && !characters.empty()) {
      characters.back() += c;
    } else if (c != ' ') {
      characters.emplace_back(1, c);
    }
  }
  return characters;
}

ErrorCount count(
    const std::vector<std::string>& read,
    const std::vector<std::string>& reference) {
  std::vector<int64_t> row(read.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= reference.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= read.size(); ++j) {
      const int64_t replaced = diagonal + (reference[i - 1] == read[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return {row.back(), static_cast<int64_t>(reference.size())};
}

} // namespace

ErrorCount word_errors(const std::string& read, const std::string& reference) {
  return count(words_of(read), words_of(reference));
}

ErrorCount character_errors(const std::string& read, const std::string& reference) {
  return count(characters_of(read), characters_of(reference));
}

} // namespace omni
