// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/token_table.h"

#include <bit>
#include <cstring>

namespace omni {
namespace {

// Odd numbers with evenly spread bits, from the digits of pi.
constexpr uint64_t kSeed = 0x243F6A8885A308D3ULL;
constexpr uint64_t kFactor = 0xA4093822299F31D1ULL;

uint64_t mixed(uint64_t value) {
  value *= kFactor;
  return value ^ value >> 32;
}

uint64_t bytes_at(const char* bytes, size_t num_bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, num_bytes);
  return value;
}

uint32_t upper_half(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
}

} // namespace

uint64_t hash_of(std::string_view bytes) {
  uint64_t hash = kSeed ^ bytes.size();
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left > 8; left -= 8, at += 8) {
    hash = mixed(hash ^ bytes_at(at, 8));
  }
  return mixed(mixed(hash ^ bytes_at(at, left)));
}

TokenTable::TokenTable(size_t expected_tokens)
    : slots_(std::bit_ceil(expected_tokens * 2 + 8)) {
  entries_.reserve(expected_tokens);
}

size_t TokenTable::slot_of(std::string_view text, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot] != 0) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == upper_half(hash) &&
        std::string_view(texts_).substr(entry.begin, entry.num_bytes) == text) {
      break;
    }
    slot = (slot + 1) & mask;
  }
  return slot;
}

bool TokenTable::add(std::string_view text, uint32_t id) {
  if (slots_.size() < entries_.size() * 2 + 8) {
    grow();
  }
  const uint64_t hash = hash_of(text);
  const size_t slot = slot_of(text, hash);
  if (slots_[slot] != 0) {
    return false;
  }
  entries_.push_back(
      {texts_.size(), static_cast<uint32_t>(text.size()), id, upper_half(hash)});
  texts_ += text;
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  return true;
}

std::optional<uint32_t> TokenTable::find(std::string_view text) const {
  if (entries_.empty()) {
    return std::nullopt;
  }
  const size_t slot = slot_of(text, hash_of(text));
  if (slots_[slot] == 0) {
    return std::nullopt;
  }
  return entries_[slots_[slot] - 1].id;
}

void TokenTable::grow() {
  slots_.assign(std::bit_ceil(entries_.size() * 4 + 16), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    size_t slot =
        hash_of(std::string_view(texts_).substr(entry.begin, entry.num_bytes)) & mask;
    while (slots_[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

} // namespace omni
