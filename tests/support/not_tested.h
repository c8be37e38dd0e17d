// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// For tests that find nothing out on some machines, in Catch2 of any version.
#pragma once

#include <string>

#include "tests/support/catch.h"

namespace omni::testing {

// The running test says so and returns. CTest counts it as skipped, by this text
// (tests/CMakeLists.txt).
inline void say_not_tested(const std::string& reason) {
  WARN("not tested: " << reason);
}

} // namespace omni::testing
