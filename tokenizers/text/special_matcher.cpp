// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/special_matcher.h"

#include <algorithm>

namespace omni {

SpecialMatcher::SpecialMatcher(const std::map<std::string, int64_t>& tokens) {
  for (const auto& [token, id] : tokens) {
    if (!token.empty()) {
      tokens_[static_cast<uint8_t>(token.front())].emplace_back(token, id);
    }
  }
  for (auto& group : tokens_) {
    std::ranges::stable_sort(group, [](const auto& a, const auto& b) {
      return a.first.size() > b.first.size();
    });
  }
}

std::optional<SpecialMatcher::Match> SpecialMatcher::first_in(
    std::string_view text) const {
  for (size_t begin = 0; begin < text.size(); ++begin) {
    const std::string_view rest = text.substr(begin);
    for (const auto& [token, id] : tokens_[static_cast<uint8_t>(rest.front())]) {
      if (rest.starts_with(token)) {
        return Match{begin, begin + token.size(), id};
      }
    }
  }
  return std::nullopt;
}

} // namespace omni
