// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// All tokens of a tokenizer.json by id: those of its model and the added ones, checked
// against each other. Immutable after loading. Internal: no torch.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizers/text/added_tokens.h"
#include "tokenizers/text/tokenizer_json_file.h"

namespace omni {

class JsonVocabulary {
 public:
  // Throws ValueError for a model that is not BPE, IoError naming the file: an id or an
  // added token twice, an added token with another id in the model, ids far apart.
  explicit JsonVocabulary(const TokenizerJsonFile& file);

  [[nodiscard]] size_t size() const {
    return texts_.size();
  }
  // As the file writes it; empty for an id that no token has.
  [[nodiscard]] const std::string& text_of(size_t id) const {
    return texts_[id];
  }
  [[nodiscard]] const std::vector<AddedToken>& added() const {
    return added_;
  }
  [[nodiscard]] const std::set<uint32_t>& special() const {
    return special_;
  }
  // Those of the added tokens that are special, or all.
  [[nodiscard]] std::map<std::string, int64_t> special_tokens() const;
  [[nodiscard]] std::map<std::string, int64_t> added_tokens() const;

 private:
  void add(std::string_view text, uint32_t id, const TokenizerJsonFile& file);
  void read_added(const TokenizerJsonFile& file);

  std::vector<std::string> texts_; // by id
  std::vector<bool> is_used_;
  std::vector<AddedToken> added_;
  std::set<uint32_t> special_;
};

} // namespace omni
