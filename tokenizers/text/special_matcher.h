// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Finds special tokens written in text: the first place where one begins and the
// longest that begins there. No torch.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace omni {

class SpecialMatcher {
 public:
  SpecialMatcher() = default;
  explicit SpecialMatcher(const std::map<std::string, int64_t>& tokens);

  struct Match {
    size_t begin = 0; // bytes of the text, half-open
    size_t end = 0;
    int64_t id = 0;
  };
  [[nodiscard]] std::optional<Match> first_in(std::string_view text) const;

 private:
  // By first byte, longest first.
  std::array<std::vector<std::pair<std::string, int64_t>>, 256> tokens_;
};

} // namespace omni
