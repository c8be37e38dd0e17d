// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// One name for what Catch2 versions 2 and 3 call differently.
#pragma once

#include <string>

#include "tests/support/catch.h"

namespace omni::testing {

// Matches an error text or string that holds `text`.
inline auto contains(const std::string& text) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(text);
#else
  return Catch::Matchers::Contains(text);
#endif
}

} // namespace omni::testing
