// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Which sequences share a row: several conversations are laid one after another into
// rows of a fixed length, told apart by segments. Deterministic.
#pragma once

#include <cstdint>
#include <vector>

namespace omni {

// Rows of sequence numbers, in the order they lie in the row. Best fit, longest first;
// no row is longer than `row_tokens`, except that one sequence alone may be.
[[nodiscard]] std::vector<std::vector<int64_t>> pack_sequences(
    const std::vector<int64_t>& num_tokens,
    int64_t row_tokens);

} // namespace omni
