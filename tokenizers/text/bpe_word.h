// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One word that BPE merges: the ids of its characters or bytes, then those of what they
// became. Short words are searched for the next merge, long ones keep a queue, so that
// a word of ten million letters takes n log n. Internal: no torch. Reused between
// words; belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tokenizers/text/bpe_merges.h"

namespace omni {

struct BpePiece {
  uint32_t id = 0;
  uint32_t num_bytes = 0; // of the word
};

class BpeWord {
 public:
  void clear() {
    pieces_.clear();
  }
  void add(BpePiece piece) {
    pieces_.push_back(piece);
  }
  // Merges until no pair of neighbours merges: the lowest rank first, the leftmost of
  // equals.
  void merge(const BpeMerges& merges);
  [[nodiscard]] const std::vector<BpePiece>& pieces() const {
    return pieces_;
  }

 private:
  void merge_by_search(const BpeMerges& merges);
  void merge_by_queue(const BpeMerges& merges);

  std::vector<BpePiece> pieces_;
  std::vector<BpeMerge> found_; // of each piece with the one after it
  std::vector<uint32_t> previous_; // of the queue's linked list
  std::vector<uint32_t> next_;
  std::vector<uint64_t> queue_; // rank, then index
};

} // namespace omni
