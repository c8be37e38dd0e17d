// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The merges of a BPE vocabulary (Sennrich et al. 2016): which two neighbouring ids
// become one, and which pair goes first. Immutable after loading. Internal: no torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace omni {

struct BpeMerge {
  uint32_t rank = 0; // the lowest goes first
  uint32_t id = 0; // of both together
};

class BpeMerges {
 public:
  BpeMerges() = default;
  explicit BpeMerges(size_t expected_merges);

  // A later merge of the same pair takes the place of the earlier one.
  void add(uint32_t left, uint32_t right, BpeMerge merge);
  // Null when the pair does not merge.
  [[nodiscard]] const BpeMerge* find(uint32_t left, uint32_t right) const {
    const uint64_t key = key_of(left, right);
    for (size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) {
        return &slots_[slot].merge;
      }
      if (slots_[slot].key == kFree) {
        return nullptr;
      }
    }
  }

 private:
  static constexpr uint64_t kFree = ~uint64_t{0};
  struct Slot {
    uint64_t key = kFree;
    BpeMerge merge;
  };

  static uint64_t key_of(uint32_t left, uint32_t right) {
    return uint64_t{left} << 32 | right;
  }
  [[nodiscard]] size_t slot_of(uint64_t key) const {
    constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL; // 2^64 over the golden ratio
    return static_cast<size_t>((key * kGolden) >> 32) & mask_;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1);
  size_t mask_ = 0;
};

} // namespace omni
