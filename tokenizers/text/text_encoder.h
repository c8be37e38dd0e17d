// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The way from text to ids in a tokenizer.json: added tokens, normaliser,
// pre-tokenizer, model. Immutable after loading, thread-safe. Internal: no torch.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "tokenizers/text/added_tokens.h"
#include "tokenizers/text/bpe_model.h"
#include "tokenizers/text/json_vocabulary.h"
#include "tokenizers/text/pre_tokenizer.h"
#include "tokenizers/text/scratch_pool.h"
#include "tokenizers/text/text_frame.h"
#include "tokenizers/text/text_normalizer.h"
#include "tokenizers/text/text_tokenizer.h"

namespace omni {

struct EncodeOptions {
  bool allow_special = false;
  // A token that holds_any() of these offsets is text all the same; none: null.
  const std::vector<int64_t>* typed = nullptr;
  bool wants_ranges = false;
};

class TextEncoder {
 public:
  // `vocabulary` is that of the file and must outlive the encoder.
  TextEncoder(const TokenizerJsonFile& file, const JsonVocabulary& vocabulary);

  // `text` is valid UTF-8.
  [[nodiscard]] TextEncoding encode(std::string_view text, EncodeOptions options) const;
  // The text that an added token has in normalised text, if it is another.
  [[nodiscard]] const std::string& form_of(size_t id) const;
  [[nodiscard]] const TextFrame& frame() const {
    return post_processor_.frame;
  }

 private:
  struct Scratch {
    PatternScratch patterns;
    BpeScratch bpe;
  };
  class Call;

  void read_added_tokens();
  void check_frame(const std::string& file) const;

  const JsonVocabulary& vocabulary_;
  std::unique_ptr<const TextNormalizer> normalizer_;
  std::unique_ptr<const PreTokenizer> pre_tokenizer_;
  PostProcessor post_processor_;
  std::optional<BpeModel> model_;
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  bool has_normalized_tokens_ = false;
  std::map<size_t, std::string> forms_; // by id, where they differ
  mutable ScratchPool<Scratch> scratch_;
};

} // namespace omni
