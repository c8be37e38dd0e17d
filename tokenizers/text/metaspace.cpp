// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/metaspace.h"

#include <utility>

#include "tokenizers/text/split_behavior.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options) : options_(std::move(options)) {}

  void split(PreTokens& tokens, PatternScratch& /*scratch*/) const override {
    change_words(tokens, [&](WordEdit& word) {
      const std::string_view text = word.text();
      if (!begins_with_space(text) && is_prepended(word)) {
        word.insert(options_.replacement, 0);
      }
      size_t copied = 0;
      for (size_t i = text.find(' '); i != text.npos; i = text.find(' ', copied)) {
        word.copy(copied, i);
        word.insert(options_.replacement, i);
        copied = i + 1;
      }
      word.copy(copied, text.size());
    });
    if (options_.splits) {
      cut_before_replacements(tokens);
    }
  }

  bool needs_source() const override {
    return options_.prepend == PrependScheme::First;
  }

 private:
  [[nodiscard]] bool begins_with_space(std::string_view text) const {
    return text.starts_with(' ') || text.starts_with(options_.replacement);
  }

  [[nodiscard]] bool is_prepended(const WordEdit& word) const {
    return options_.prepend == PrependScheme::Always ||
        (options_.prepend == PrependScheme::First && word.source_begin() == 0);
  }

  void cut_before_replacements(PreTokens& tokens) const {
    const std::string_view text = tokens.text.text();
    std::vector<ByteRange> words;
    words.reserve(std::max(tokens.words.size(), text.size() / 6));
    WordSplitter splitter(SplitBehavior::MergedWithNext, words);
    for (const ByteRange word : tokens.words) {
      uint32_t end = word.begin; // of the last match
      while (true) {
        const size_t found = text.find(options_.replacement, end);
        if (found >= word.end) { // also npos
          break;
        }
        const auto begin = static_cast<uint32_t>(found);
        if (end != begin) {
          splitter.add({end, begin}, false);
        }
        end = begin + static_cast<uint32_t>(options_.replacement.size());
        splitter.add({begin, end}, true);
      }
      if (end != word.end) {
        splitter.add({end, word.end}, false);
      }
      splitter.finish();
    }
    tokens.words = std::move(words);
  }

  MetaspaceOptions options_;
};

} // namespace

MetaspaceOptions read_metaspace_options(const TokenizerJsonPart& part) {
  MetaspaceOptions options;
  options.replacement = part.fields.string("replacement");
  const Utf8Character character = first_character(options.replacement);
  if (!character.is_valid || character.num_bytes != options.replacement.size()) {
    part.fail("with a replacement of one character", options.replacement);
  }
  const std::string scheme = part.fields.string_or("prepend_scheme", "always");
  if (scheme == "first") {
    options.prepend = PrependScheme::First;
  } else if (scheme == "never") {
    options.prepend = PrependScheme::Never;
  } else if (scheme != "always") {
    part.fail("with prepend_scheme always, first or never", scheme);
  }
  // Files that are older than prepend_scheme.
  if (!part.fields.boolean_or("add_prefix_space", true)) {
    if (part.fields.has("prepend_scheme") && scheme != "never") {
      part.fail("with prepend_scheme never, like its add_prefix_space", scheme);
    }
    options.prepend = PrependScheme::Never;
  }
  options.splits = part.fields.boolean_or("split", true);
  return options;
}

std::unique_ptr<const PreTokenizer> read_metaspace(const TokenizerJsonPart& part) {
  return std::make_unique<Metaspace>(read_metaspace_options(part));
}

} // namespace omni
