// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Note [Character maps]
// A map is: the trie's length in bytes (uint32), a darts-clone double array of 32-bit
// units, then replacements that each end in NUL. From the unit at i, byte c leads to
// unit i ^ offset(i) ^ c, valid when that unit's label is c; a key that ends there has
// its value, a place among the replacements, in unit i ^ offset(i). The library bounds
// neither those steps nor the number of keys that are prefixes of one text: it keeps 32
// of them on its stack and then reads as many as it counted.
#include <algorithm>
#include <vector>

#include "tokenizers/text/sentencepiece_model_check.h"

namespace omni {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kUnitBytes = 4;
constexpr size_t kBlockBytes = 1024; // 256 units
constexpr int kMaxKeysOnAPath = 32;
constexpr size_t kMaxReplacementBytes = 256;

uint32_t number_at(std::string_view bytes, size_t offset) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[offset + i])) << (8 * i);
  }
  return number;
}

class Trie {
 public:
  explicit Trie(std::string_view units) : units_(units) {}

  // Any step from any unit stays inside: a block has 256 units, so that the byte
  // cannot lead out of the block that the offset leads to.
  [[nodiscard]] bool steps_stay_inside() const {
    for (size_t i = 0; i < size(); ++i) {
      if (!is_leaf(unit(i)) && (i ^ offset(unit(i))) >= size()) {
        return false;
      }
    }
    return true;
  }

  // The most keys that are prefixes of one another, or -1 when steps lead in circles.
  // Depth first, each unit once: paths may join.
  [[nodiscard]] int longest_chain_of_keys() const {
    constexpr int kUnseen = -2;
    constexpr int kOpen = -1;
    struct Visit {
      size_t index;
      unsigned next_byte;
      int best;
    };
    std::vector<int> chain_from(size(), kUnseen); // keys at and below a unit
    std::vector<Visit> path = {{0, 0, 0}};
    chain_from[0] = kOpen;
    while (true) {
      Visit& visit = path.back();
      const uint32_t here = unit(visit.index);
      if (visit.next_byte == 256) {
        const bool ends_key = path.size() > 1 && (here >> 8 & 1) != 0;
        const int keys = visit.best + (ends_key ? 1 : 0);
        chain_from[visit.index] = keys;
        path.pop_back();
        if (path.empty()) {
          return keys;
        }
        path.back().best = std::max(path.back().best, keys);
        continue;
      }
      const uint32_t byte = visit.next_byte++;
      const size_t next = visit.index ^ offset(here) ^ byte;
      if ((unit(next) & 0x800000FF) != byte) {
        continue;
      }
      if (chain_from[next] == kOpen) {
        return -1;
      }
      if (chain_from[next] == kUnseen) {
        chain_from[next] = kOpen;
        path.push_back({next, 0, 0});
      } else {
        visit.best = std::max(visit.best, chain_from[next]);
      }
    }
  }

 private:
  [[nodiscard]] size_t size() const {
    return units_.size() / kUnitBytes;
  }
  [[nodiscard]] uint32_t unit(size_t i) const {
    return number_at(units_, i * kUnitBytes);
  }
  static bool is_leaf(uint32_t unit) {
    return unit >> 31 != 0;
  }
  static size_t offset(uint32_t unit) {
    return (unit >> 10) << ((unit & (1U << 9)) >> 6);
  }

  std::string_view units_;
};

} // namespace

std::string find_charsmap_fault(std::string_view map) {
  if (map.size() <= kLengthBytes) {
    return "a character map of " + std::to_string(map.size()) + " bytes";
  }
  const size_t trie_bytes = number_at(map, 0);
  if (trie_bytes == 0 || trie_bytes % kBlockBytes != 0 ||
      trie_bytes >= map.size() - kLengthBytes) {
    return "a character map of " + std::to_string(map.size()) +
        " bytes with a trie of " + std::to_string(trie_bytes);
  }
  std::string_view replacements = map.substr(kLengthBytes + trie_bytes);
  if (replacements.back() != '\0') {
    return "a character map whose last replacement has no end";
  }
  while (!replacements.empty()) {
    const size_t length = replacements.find('\0');
    if (length > kMaxReplacementBytes) {
      return "a character map with a replacement of " + std::to_string(length) +
          " bytes";
    }
    replacements.remove_prefix(length + 1);
  }
  const Trie trie(map.substr(kLengthBytes, trie_bytes));
  if (!trie.steps_stay_inside()) {
    return "a character map whose trie leads outside itself";
  }
  const int chain = trie.longest_chain_of_keys();
  if (chain < 0) {
    return "a character map whose trie leads in circles";
  }
  if (chain > kMaxKeysOnAPath) {
    return "a character map with " + std::to_string(chain) +
        " keys that begin each other";
  }
  return "";
}

} // namespace omni
