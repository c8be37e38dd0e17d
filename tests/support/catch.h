// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Catch2, version 3 or 2, whichever is installed, with one name for what the two call
// differently: the matchers of text.
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

namespace omni::testing {

using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

inline auto Contains(const std::string& text) {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::Matchers::ContainsSubstring(text);
#else
  return Catch::Matchers::Contains(text);
#endif
}

} // namespace omni::testing
