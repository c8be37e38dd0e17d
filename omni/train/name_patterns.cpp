// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/name_patterns.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>

#include "omni/core/errors.h"

namespace omni {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

// "vit.layers.3.weight" → "vit.layers.*.weight".
std::string without_numbers(const std::string& name) {
  std::istringstream stream(name);
  std::string result;
  for (std::string piece; std::getline(stream, piece, '.');) {
    result += result.empty() ? "" : ".";
    result += is_number(piece) ? "*" : piece;
  }
  return result;
}

// Edits that turn `pattern` into a pattern of `name`; a star stands for any text.
int64_t distance(const std::string& pattern, const std::string& name) {
  std::vector<int64_t> row(name.size() + 1);
  for (size_t j = 0; j <= name.size(); ++j) {
    row[j] = static_cast<int64_t>(j);
  }
  for (const char c : pattern) {
    int64_t diagonal = row[0];
    row[0] += c == '*' ? 0 : 1;
    for (size_t j = 1; j <= name.size(); ++j) {
      const int64_t above = row[j];
      row[j] = c == '*'
          ? std::min(above, row[j - 1])
          : std::min(
                {diagonal + (c == name[j - 1] ? 0 : 1), above + 1, row[j - 1] + 1});
      diagonal = above;
    }
  }
  return row.back();
}

} // namespace

bool matches_pattern(const std::string& name, const std::string& pattern) {
  // Greedy with one point of return: linear in practice, quadratic at worst.
  size_t n = 0;
  size_t p = 0;
  size_t star = std::string::npos;
  size_t resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

bool matches_any(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return matches_pattern(name, pattern);
  });
}

std::vector<std::string> nearest_names(
    const std::string& pattern,
    const std::vector<std::string>& names,
    size_t count) {
  std::set<std::pair<int64_t, std::string>> ordered;
  for (const std::string& name : names) {
    const std::string general = without_numbers(name);
    ordered.emplace(distance(pattern, general), general);
  }
  std::vector<std::string> nearest;
  for (const auto& [edits, name] : ordered) {
    if (nearest.size() < count) {
      nearest.push_back(name);
    }
  }
  return nearest;
}

void check_patterns(
    const std::vector<std::string>& patterns,
    const std::vector<std::string>& names,
    const std::string& field,
    const std::string& what) {
  for (const std::string& pattern : patterns) {
    const bool is_used = std::any_of(
        names.begin(), names.end(),
        [&](const std::string& name) { return matches_pattern(name, pattern); });
    if (!is_used) {
      fail_unmatched(pattern, names, field, what);
    }
  }
}

void fail_unmatched(
    const std::string& pattern,
    const std::vector<std::string>& names,
    const std::string& field,
    const std::string& what) {
  std::ostringstream message;
  message << "expected `" << field << "` to name " << what << ", got \"" << pattern
          << "\", which is none. Near it:";
  for (const std::string& name : nearest_names(pattern, names)) {
    message << " \"" << name << "\"";
  }
  message << ".";
  throw ValueError("train", message.str());
}

} // namespace omni
