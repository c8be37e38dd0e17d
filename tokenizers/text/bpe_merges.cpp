// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/bpe_merges.h"

#include <bit>

namespace omni {

BpeMerges::BpeMerges(size_t expected_merges)
    : slots_(std::bit_ceil(expected_merges + expected_merges / 2 + 2)),
      mask_(slots_.size() - 1) {}

void BpeMerges::add(uint32_t left, uint32_t right, BpeMerge merge) {
  const uint64_t key = key_of(left, right);
  size_t slot = slot_of(key);
  while (slots_[slot].key != kFree && slots_[slot].key != key) {
    slot = (slot + 1) & mask_;
  }
  slots_[slot] = {key, merge};
}

} // namespace omni
