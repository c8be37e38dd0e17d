// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/random.h"

namespace omni {

uint64_t mix_seed(uint64_t seed, uint64_t index) {
  uint64_t z = seed * 0xD1342543DE82EF95ULL + (index + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

double uniform_at(uint64_t seed, uint64_t index) {
  return static_cast<double>(mix_seed(seed, index) >> 11) * 0x1.0p-53;
}

} // namespace omni
