// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/pending_text.h"

#include <algorithm>

namespace omni {

size_t pending_bytes(std::string_view text, const std::vector<std::string>& marks) {
  size_t longest = 0;
  for (const std::string& mark : marks) {
    for (size_t n = std::min(text.size(), mark.size() - 1); n > longest; --n) {
      if (text.ends_with(std::string_view(mark).substr(0, n))) {
        longest = n;
      }
    }
  }
  return longest;
}

} // namespace omni
