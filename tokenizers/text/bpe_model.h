// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The BPE model of a tokenizer.json: words to ids. Words are UTF-8 text, or any bytes
// when the vocabulary is byte-level. Immutable after loading. Internal: no torch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/text/bpe_merges.h"
#include "tokenizers/text/bpe_word.h"
#include "tokenizers/text/token_table.h"
#include "tokenizers/text/tokenizer_json_file.h"
#include "tokenizers/text/word_cache.h"

namespace omni {

// What encoding words needs beside the model; one for each thread at a time.
struct BpeScratch {
  BpeWord word;
  WordCache cache;
};

// Ids, and with `keeps_bytes` how many bytes of the word each is for.
struct BpeOutput {
  std::vector<int64_t> ids;
  std::vector<uint32_t> num_bytes;
  bool keeps_bytes = false;

  void add(uint32_t id, uint32_t bytes) {
    ids.push_back(id);
    if (keeps_bytes) {
      num_bytes.push_back(bytes);
    }
  }
};

class BpeModel {
 public:
  // `special` ids are never made from text, but for that of the unknown token. Throws
  // IoError for merges of what the vocabulary lacks, ValueError for options that are
  // not supported.
  BpeModel(
      const TokenizerJsonFile& file,
      bool is_byte_level,
      const std::set<uint32_t>& special);

  // Adds the ids of one word, which is not empty.
  void encode(std::string_view word, BpeScratch& scratch, BpeOutput& output) const;

 private:
  // What a character or byte begins as: a token, or those of its bytes.
  struct Unit {
    std::array<uint32_t, 4> ids{};
    uint8_t num_ids = 0; // 0: unknown
    uint8_t bytes_each = 0;
    bool is_fallback = false; // byte tokens
  };
  class Reader;

  [[nodiscard]] Unit unit_of(std::string_view character) const;
  void fill(std::string_view word, BpeWord& result) const;

  bool is_byte_level_ = false;
  bool ignores_merges_ = false;
  bool fuses_unknown_ = false;
  std::optional<uint32_t> unknown_;
  TokenTable whole_words_; // that ignore merges
  TokenTable characters_; // above ASCII
  std::array<Unit, 256> bytes_{}; // bytes, or ASCII characters
  bool has_byte_fallback_ = false;
  std::array<uint32_t, 256> fallback_{};
  std::array<bool, 256> has_fallback_{};
  BpeMerges merges_;
};

} // namespace omni
