// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: numbers in texts as Python's int() and float() read them.
#pragma once

#include <optional>
#include <string_view>

#include "omni/conversation/jinja/value.h"

namespace omni {

// Of a base from 2 to 36, or 0 for what a prefix says; none for text that is no whole
// number. A fault for one beyond 64 bits.
[[nodiscard]] std::optional<int64_t> read_int(std::string_view text, int64_t base);
[[nodiscard]] std::optional<double> read_float(std::string_view text);

} // namespace omni
