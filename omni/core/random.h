// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Numbers that are a function of (seed, index): the same on every machine, in any order
// (SplitMix64; Steele, Lea, Flood 2014). No torch.
#pragma once

#include <cstdint>

namespace omni {

// A well-mixed number; also a way to make seeds of seeds.
[[nodiscard]] uint64_t mix_seed(uint64_t seed, uint64_t index);
// Uniform in [0, 1).
[[nodiscard]] double uniform_at(uint64_t seed, uint64_t index);

} // namespace omni
