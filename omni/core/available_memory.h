// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How much memory may still be taken. No torch.
#pragma once

#include <cstdint>

namespace omni {

// Bytes that the system can give without swapping, and no more than what the control
// group of this process has left. The largest number where neither says.
[[nodiscard]] int64_t available_memory_bytes();

} // namespace omni
