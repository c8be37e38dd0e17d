// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#pragma once

#include <cstdint>

namespace omni {

// value / divisor rounded up, of value >= 0 and divisor > 0.
[[nodiscard]] constexpr int64_t ceil_divide(int64_t value, int64_t divisor) {
  return value / divisor + (value % divisor == 0 ? 0 : 1);
}

} // namespace omni
