// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What a stream of text must hold back until it knows more. No torch.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

// Bytes of the longest suffix of `text` that begins one of `marks` (none empty), but is
// not the whole of it.
[[nodiscard]] size_t pending_bytes(
    std::string_view text,
    const std::vector<std::string>& marks);

} // namespace omni
