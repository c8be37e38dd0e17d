// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The Metaspace pre-tokenizer, which writes spaces as a visible character and puts one
// before a text, and the change of words in general. Internal: see pre_tokenizer.h.
#pragma once

#include "tokenizers/text/pre_tokenizer.h"

namespace omni {

// Writes the new form of one word.
class WordEdit {
 public:
  WordEdit(AlignedEdit& edit, const AlignedText& from, ByteRange word)
      : edit_(edit), from_(from), word_(word) {}

  [[nodiscard]] std::string_view text() const {
    return std::string_view(from_.text()).substr(word_.begin, word_.size());
  }
  // The source byte that the word begins at.
  [[nodiscard]] uint32_t source_begin() const {
    return from_.source_of(word_.begin, word_.end).begin;
  }
  // The range [begin, end) of the word as it is.
  void copy(size_t begin, size_t end) {
    edit_.copy(word_.begin + begin, word_.begin + end);
  }
  // New text in the place of the word's byte `index`.
  void insert(std::string_view text, size_t index) {
    edit_.insert(text, word_.begin + index);
  }

 private:
  AlignedEdit& edit_;
  const AlignedText& from_;
  ByteRange word_;
};

// Gives each word the form that `change(WordEdit&)` writes; words of no bytes go.
template <class Change>
void change_words(PreTokens& tokens, Change change) {
  AlignedEdit edit(tokens.text);
  std::vector<ByteRange> words;
  words.reserve(tokens.words.size());
  for (const ByteRange word : tokens.words) {
    const auto begin = static_cast<uint32_t>(edit.size());
    WordEdit word_edit(edit, tokens.text, word);
    change(word_edit);
    if (edit.size() > begin) {
      words.push_back({begin, static_cast<uint32_t>(edit.size())});
    }
  }
  tokens.text = edit.take();
  tokens.words = std::move(words);
}

// When a word gets the replacement character before it.
enum class PrependScheme { Never, First, Always };

struct MetaspaceOptions {
  std::string replacement = "\xE2\x96\x81"; // one character
  PrependScheme prepend = PrependScheme::Always;
  bool splits = true; // cuts before each replacement character
};

// The fields that the pre-tokenizer and the decoder share.
[[nodiscard]] MetaspaceOptions read_metaspace_options(const TokenizerJsonPart& part);
[[nodiscard]] std::unique_ptr<const PreTokenizer> read_metaspace(
    const TokenizerJsonPart& part);

} // namespace omni
