// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/pre_tokenizer.h"

#include <utility>

#include "tokenizers/text/metaspace.h"
#include "tokenizers/text/split_behavior.h"
#include "tokenizers/text/text_normalizer.h"
#include "tokenizers/text/unicode_properties.h"
#include "tokenizers/text/utf8.h"

namespace omni {
namespace {

// What the ByteLevel pre-tokenizer cuts with (GPT-2).
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// What Rust's regular expressions take for words, and all else but white space.
constexpr std::string_view kWordPattern =
    R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+)"
    R"(|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\s\x{200C}\x{200D}]+)";

// Cuts words by what `add_parts(text, word, splitter)` finds in each.
template <class AddParts>
void split_words(PreTokens& tokens, SplitBehavior behavior, AddParts add_parts) {
  std::vector<ByteRange> words;
  words.reserve(std::max(tokens.words.size(), tokens.text.text().size() / 4));
  WordSplitter splitter(behavior, words);
  for (const ByteRange word : tokens.words) {
    add_parts(
        std::string_view(tokens.text.text()).substr(word.begin, word.size()),
        word.begin, splitter);
    splitter.finish();
  }
  tokens.words = std::move(words);
}

ByteRange range_at(uint32_t offset, size_t begin, size_t end) {
  return {offset + static_cast<uint32_t>(begin), offset + static_cast<uint32_t>(end)};
}

class PatternSplit : public PreTokenizer {
 public:
  PatternSplit(TextPattern pattern, SplitBehavior behavior, bool is_inverted)
      : pattern_(std::move(pattern)), behavior_(behavior), is_inverted_(is_inverted) {}

  void split(PreTokens& tokens, PatternScratch& scratch) const override {
    split_words(
        tokens, behavior_,
        [&](std::string_view text, uint32_t offset, WordSplitter& splitter) {
          PatternMatches matches(pattern_, text, scratch);
          size_t end = 0; // of the last match
          while (matches.next()) {
            if (end != matches.begin()) {
              splitter.add(range_at(offset, end, matches.begin()), is_inverted_);
            }
            splitter.add(
                range_at(offset, matches.begin(), matches.end()), !is_inverted_);
            end = matches.end();
          }
          if (end != text.size()) {
            splitter.add(range_at(offset, end, text.size()), is_inverted_);
          }
        });
  }

 private:
  TextPattern pattern_;
  SplitBehavior behavior_;
  bool is_inverted_;
};

// Each character of a kind is a match.
class CharacterSplit : public PreTokenizer {
 public:
  CharacterSplit(bool (*is_match)(char32_t), SplitBehavior behavior)
      : is_match_(is_match), behavior_(behavior) {}

  void split(PreTokens& tokens, PatternScratch& /*scratch*/) const override {
    split_words(
        tokens, behavior_,
        [&](std::string_view text, uint32_t offset, WordSplitter& splitter) {
          size_t end = 0; // of the last match
          for (size_t i = 0; i < text.size();) {
            const Utf8Character character = first_character(text.substr(i));
            const size_t next = i + character.num_bytes;
            if (is_match_(character.code_point)) {
              if (end != i) {
                splitter.add(range_at(offset, end, i), false);
              }
              splitter.add(range_at(offset, i, next), true);
              end = next;
            }
            i = next;
          }
          if (end != text.size()) {
            splitter.add(range_at(offset, end, text.size()), false);
          }
        });
  }

 private:
  bool (*is_match_)(char32_t);
  SplitBehavior behavior_;
};

class ByteLevelSplit : public PreTokenizer {
 public:
  ByteLevelSplit(bool adds_space, std::unique_ptr<const PreTokenizer> pattern)
      : adds_space_(adds_space), pattern_(std::move(pattern)) {}

  void split(PreTokens& tokens, PatternScratch& scratch) const override {
    if (adds_space_) {
      change_words(tokens, [](WordEdit& word) {
        if (!word.text().starts_with(' ')) {
          word.insert(" ", 0);
        }
        word.copy(0, word.text().size());
      });
    }
    if (pattern_) {
      pattern_->split(tokens, scratch);
    }
  }

  bool makes_bytes() const override {
    return true;
  }

 private:
  bool adds_space_;
  std::unique_ptr<const PreTokenizer> pattern_; // none without use_regex
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<const PreTokenizer>> parts)
      : parts_(std::move(parts)) {}

  void split(PreTokens& tokens, PatternScratch& scratch) const override {
    for (const auto& part : parts_) {
      part->split(tokens, scratch);
    }
  }

  bool makes_bytes() const override {
    return !parts_.empty() && parts_.back()->makes_bytes();
  }

  bool needs_source() const override {
    return std::ranges::any_of(
        parts_, [](const auto& part) { return part->needs_source(); });
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> parts_;
};

std::unique_ptr<const PreTokenizer> read_byte_level(const TokenizerJsonPart& part) {
  std::unique_ptr<const PreTokenizer> pattern;
  if (part.fields.boolean_or("use_regex", true)) {
    pattern = std::make_unique<PatternSplit>(
        TextPattern::expression(kByteLevelPattern, part.file), SplitBehavior::Isolated,
        false);
  }
  return std::make_unique<ByteLevelSplit>(
      part.fields.boolean_or("add_prefix_space", true), std::move(pattern));
}

std::unique_ptr<const PreTokenizer> read_sequence(const TokenizerJsonPart& part) {
  auto parts = part.parts<std::unique_ptr<const PreTokenizer>>(
      "pretokenizers", read_pre_tokenizer);
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i]->makes_bytes()) {
      part.unsupported("ByteLevel as the last of a Sequence", "it before another");
    }
  }
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

} // namespace

std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const TokenizerJsonPart& part) {
  const std::string type = part.type();
  if (type == "Split") {
    return std::make_unique<PatternSplit>(
        read_pattern(part), read_behavior(part), part.fields.boolean("invert"));
  }
  if (type == "ByteLevel") {
    return read_byte_level(part);
  }
  if (type == "Digits") {
    return std::make_unique<CharacterSplit>(
        is_number,
        part.fields.boolean("individual_digits") ? SplitBehavior::Isolated
                                                 : SplitBehavior::Contiguous);
  }
  if (type == "Metaspace") {
    return read_metaspace(part);
  }
  if (type == "Punctuation") {
    return std::make_unique<CharacterSplit>(
        is_punctuation,
        part.fields.has("behavior") ? read_behavior(part) : SplitBehavior::Isolated);
  }
  if (type == "Whitespace") {
    return std::make_unique<PatternSplit>(
        TextPattern::expression(kWordPattern, part.file), SplitBehavior::Removed, true);
  }
  if (type == "WhitespaceSplit") {
    return std::make_unique<CharacterSplit>(is_white_space, SplitBehavior::Removed);
  }
  if (type == "Sequence") {
    return read_sequence(part);
  }
  part.unsupported(
      "Split, ByteLevel, Digits, Metaspace, Punctuation, Whitespace, WhitespaceSplit "
      "or Sequence",
      type);
}

} // namespace omni
