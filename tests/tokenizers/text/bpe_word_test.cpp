// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/bpe_word.h"

#include <random>

#include "tests/support/catch.h"

namespace omni {
namespace {

using Ids = std::vector<uint32_t>;

Ids merged(const BpeMerges& merges, const Ids& ids) {
  BpeWord word;
  for (const uint32_t id : ids) {
    word.add({id, 1});
  }
  word.merge(merges);
  Ids result;
  size_t num_bytes = 0;
  for (const BpePiece piece : word.pieces()) {
    result.push_back(piece.id);
    num_bytes += piece.num_bytes;
  }
  CHECK(num_bytes == ids.size());
  return result;
}

// The definition: the pair of the lowest rank, the leftmost of them, again and again.
Ids merged_plainly(const BpeMerges& merges, Ids ids) {
  while (true) {
    size_t best = ids.size();
    uint32_t rank = ~uint32_t{0};
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const BpeMerge* merge = merges.find(ids[i], ids[i + 1]);
      if (merge != nullptr && merge->rank < rank) {
        rank = merge->rank;
        best = i;
      }
    }
    if (best == ids.size()) {
      return ids;
    }
    ids[best] = merges.find(ids[best], ids[best + 1])->id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST_CASE("short and long words are merged as the definition says") {
  std::mt19937 random(6);
  for (int trial = 0; trial < 200; ++trial) {
    const uint32_t alphabet = 1 + random() % 5;
    BpeMerges merges(40);
    uint32_t next = alphabet;
    for (uint32_t rank = 0; rank < 40; ++rank) {
      merges.add(
          static_cast<uint32_t>(random() % next),
          static_cast<uint32_t>(random() % next), {rank, next});
      ++next;
    }
    Ids ids(random() % (trial % 2 == 0 ? 20 : 300));
    for (uint32_t& id : ids) {
      id = static_cast<uint32_t>(random() % alphabet);
    }
    CHECK(merged(merges, ids) == merged_plainly(merges, ids));
  }
}

TEST_CASE("merges of a pair") {
  BpeMerges merges(3);
  merges.add(1, 2, {5, 10});
  merges.add(2, 1, {6, 11});
  merges.add(1, 2, {7, 12}); // the later one counts
  CHECK(merges.find(1, 2)->id == 12);
  CHECK(merges.find(2, 2) == nullptr);
  CHECK(BpeMerges().find(1, 2) == nullptr);
  CHECK(merged(merges, {1, 2, 1}) == Ids{1, 11});
  CHECK(merged(merges, {}).empty());
  CHECK(merged(merges, {1}) == Ids{1});
}

TEST_CASE("a word of a million characters is merged in order n log n") {
  BpeMerges merges(20);
  for (uint32_t rank = 0; rank < 20; ++rank) {
    merges.add(rank, rank, {rank, rank + 1}); // doubles
  }
  const Ids result = merged(merges, Ids(1'000'000, 0));
  CHECK(result.size() == 7); // the ones in its binary form
}

} // namespace
} // namespace omni
