// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/bpe_word.h"

#include <algorithm>
#include <functional>

namespace omni {
namespace {

constexpr uint32_t kNoRank = ~uint32_t{0};
constexpr uint32_t kNone = ~uint32_t{0};
// Searching takes fewer steps than a queue for words up to about this length.
constexpr size_t kMaxSearched = 24;

BpeMerge merge_of(const BpeMerges& merges, BpePiece left, BpePiece right) {
  const BpeMerge* merge = merges.find(left.id, right.id);
  return merge != nullptr ? *merge : BpeMerge{kNoRank, 0};
}

} // namespace

void BpeWord::merge(const BpeMerges& merges) {
  if (pieces_.size() < 2) {
    return;
  }
  found_.clear();
  bool merges_any = false;
  for (size_t i = 0; i + 1 < pieces_.size(); ++i) {
    found_.push_back(merge_of(merges, pieces_[i], pieces_[i + 1]));
    merges_any = merges_any || found_.back().rank != kNoRank;
  }
  if (!merges_any) {
    return;
  }
  if (pieces_.size() <= kMaxSearched) {
    merge_by_search(merges);
  } else {
    merge_by_queue(merges);
  }
}

void BpeWord::merge_by_search(const BpeMerges& merges) {
  size_t size = pieces_.size();
  while (size > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < size; ++i) {
      best = found_[i].rank < found_[best].rank ? i : best;
    }
    if (found_[best].rank == kNoRank) {
      break;
    }
    pieces_[best] = {
        found_[best].id, pieces_[best].num_bytes + pieces_[best + 1].num_bytes};
    for (size_t i = best + 1; i + 1 < size; ++i) {
      pieces_[i] = pieces_[i + 1];
      found_[i - 1] = found_[i];
    }
    --size;
    if (best + 1 < size) {
      found_[best] = merge_of(merges, pieces_[best], pieces_[best + 1]);
    }
    if (best > 0) {
      found_[best - 1] = merge_of(merges, pieces_[best - 1], pieces_[best]);
    }
  }
  pieces_.resize(size);
}

void BpeWord::merge_by_queue(const BpeMerges& merges) {
  const auto size = static_cast<uint32_t>(pieces_.size());
  previous_.resize(size);
  next_.resize(size);
  queue_.clear();
  found_.push_back({kNoRank, 0}); // the last piece has none after it
  const auto entry_of = [&](uint32_t i) { return uint64_t{found_[i].rank} << 32 | i; };
  for (uint32_t i = 0; i < size; ++i) {
    previous_[i] = i == 0 ? kNone : i - 1;
    next_[i] = i + 1 == size ? kNone : i + 1;
    if (found_[i].rank != kNoRank) {
      queue_.push_back(entry_of(i));
    }
  }
  std::ranges::make_heap(queue_, std::greater<>());
  const auto look = [&](uint32_t i) {
    const uint32_t right = next_[i];
    found_[i] = right == kNone ? BpeMerge{kNoRank, 0}
                               : merge_of(merges, pieces_[i], pieces_[right]);
    if (found_[i].rank != kNoRank) {
      queue_.push_back(entry_of(i));
      std::ranges::push_heap(queue_, std::greater<>());
    }
  };
  while (!queue_.empty()) {
    std::ranges::pop_heap(queue_, std::greater<>());
    const uint64_t entry = queue_.back();
    queue_.pop_back();
    const auto i = static_cast<uint32_t>(entry);
    if (found_[i].rank != static_cast<uint32_t>(entry >> 32)) {
      continue; // the pair is no longer there
    }
    const uint32_t right = next_[i];
    pieces_[i] = {found_[i].id, pieces_[i].num_bytes + pieces_[right].num_bytes};
    found_[right].rank = kNoRank;
    pieces_[right].num_bytes = 0; // gone
    next_[i] = next_[right];
    if (next_[i] != kNone) {
      previous_[next_[i]] = i;
    }
    look(i);
    if (previous_[i] != kNone) {
      look(previous_[i]);
    }
  }
  std::erase_if(pieces_, [](BpePiece piece) { return piece.num_bytes == 0; });
}

} // namespace omni
