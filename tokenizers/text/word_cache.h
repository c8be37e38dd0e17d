// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Remembers what short words became: most words of a text came before. A table of fixed
// size in which a new word takes the place of an old one. Internal: no torch. Belongs
// to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "tokenizers/text/bpe_word.h"
#include "tokenizers/text/token_table.h"

namespace omni {

class WordCache {
 public:
  static constexpr size_t kMaxWordBytes = 38;
  static constexpr size_t kMaxPieces = 8;

  struct Slot {
    uint64_t hash = 0;
    uint8_t num_bytes = 0; // 0: free
    uint8_t num_pieces = 0;
    std::array<char, kMaxWordBytes> word{};
    std::array<uint32_t, kMaxPieces> ids{};
    std::array<uint8_t, kMaxPieces> piece_bytes{};
  };

  WordCache() : slots_(kNumSlots) {}

  // The place of a word of 1 to kMaxWordBytes bytes.
  [[nodiscard]] Slot& slot_of(uint64_t hash) {
    return slots_[hash & (kNumSlots - 1)];
  }
  [[nodiscard]] static bool
  holds(const Slot& slot, std::string_view word, uint64_t hash) {
    return slot.hash == hash && slot.num_bytes == word.size() &&
        std::memcmp(slot.word.data(), word.data(), word.size()) == 0;
  }
  static void put(
      Slot& slot,
      std::string_view word,
      uint64_t hash,
      const std::vector<BpePiece>& pieces) {
    if (pieces.size() > kMaxPieces) {
      return;
    }
    slot.hash = hash;
    slot.num_bytes = static_cast<uint8_t>(word.size());
    slot.num_pieces = static_cast<uint8_t>(pieces.size());
    std::memcpy(slot.word.data(), word.data(), word.size());
    for (size_t i = 0; i < pieces.size(); ++i) {
      slot.ids[i] = pieces[i].id;
      slot.piece_bytes[i] = static_cast<uint8_t>(pieces[i].num_bytes);
    }
  }

 private:
  static constexpr size_t kNumSlots = 16384; // 1.5 MiB

  std::vector<Slot> slots_;
};

} // namespace omni
