// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/text_encoder.h"

#include <set>
#include <utility>

#include "omni/core/errors.h"
#include "tokenizers/text/tokenizer_json_part.h"
#include "tokenizers/text/utf8.h"

namespace omni {
// One call of encode().
class TextEncoder::Call {
 public:
  Call(const TextEncoder& encoder, std::string_view text, EncodeOptions options)
      : encoder_(encoder),
        text_(text),
        options_(options),
        scratch_(encoder.scratch_.take()) {
    output_.keeps_bytes = options.wants_ranges;
    output_.ids.reserve(text.size() / 4 + 8);
  }

  TextEncoding encode() {
    const auto parts = encoder_.raw_tokens_.parts_of(
        text_, [&](const AddedToken& token, size_t begin, size_t end) {
          return takes(
              token, {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
        });
    for (const AddedTokenPart& part : parts) {
      if (part.token != nullptr) {
        add_token(
            part, {static_cast<uint32_t>(part.begin), static_cast<uint32_t>(part.end)},
            text_);
      } else {
        encode_raw(part.begin, part.end);
      }
    }
    return {std::move(output_.ids), std::move(ranges_)};
  }

 private:
  // Whether what spells a token at `source` is one, and not text.
  [[nodiscard]] bool takes(const AddedToken& token, ByteRange source) {
    if (options_.typed != nullptr &&
        holds_any(text_, {source.begin, source.end}, *options_.typed)) {
      typed_ids_.insert(token.id);
      return false;
    }
    return options_.allow_special || !token.is_special;
  }

  // Whether a pre-tokenizer asks for what a normaliser would blur.
  [[nodiscard]] bool needs_source() const {
    return encoder_.normalizer_ && encoder_.pre_tokenizer_ &&
        encoder_.pre_tokenizer_->needs_source();
  }

  // The part [begin, end) of the text, in which no token was found as it is.
  void encode_raw(size_t begin, size_t end) {
    const bool keeps_track =
        options_.wants_ranges || options_.typed != nullptr || needs_source();
    AlignedText text(
        text_.substr(begin, end - begin), static_cast<uint32_t>(begin), keeps_track);
    if (encoder_.normalizer_) {
      text = encoder_.normalizer_->normalized(std::move(text), scratch_->patterns);
    }
    if (!encoder_.has_normalized_tokens_) {
      encode_words(std::move(text));
      return;
    }
    const auto parts = encoder_.normalized_tokens_.parts_of(
        text.text(), [&](const AddedToken& token, size_t part_begin, size_t part_end) {
          return takes(token, text.source_of(part_begin, part_end));
        });
    for (const AddedTokenPart& part : parts) {
      if (part.token != nullptr) {
        add_token(part, text.source_of(part.begin, part.end), text.text());
      } else {
        encode_words(text.part(part.begin, part.end));
      }
    }
  }

  void encode_words(AlignedText text) {
    if (text.text().empty()) {
      return;
    }
    const auto size = static_cast<uint32_t>(text.text().size());
    PreTokens tokens{std::move(text), {{0, size}}};
    if (encoder_.pre_tokenizer_) {
      encoder_.pre_tokenizer_->split(tokens, scratch_->patterns);
    }
    const std::string_view bytes = tokens.text.text();
    for (const ByteRange word : tokens.words) {
      encode_word(bytes.substr(word.begin, word.size()));
      add_ranges(tokens.text, word.begin);
    }
  }

  // A token that was typed does not come out of merging either: where it would, the
  // word is cut behind the token's first character.
  void encode_word(std::string_view word) {
    if (typed_ids_.empty()) {
      encoder_.model_->encode(word, scratch_->bpe, output_);
      return;
    }
    BpeOutput pieces;
    pieces.keeps_bytes = true;
    encoder_.model_->encode(word, scratch_->bpe, pieces);
    size_t begin = 0; // of what is not encoded yet
    size_t piece_begin = 0;
    for (size_t i = 0; i < pieces.ids.size(); ++i) {
      const size_t first = first_character(word.substr(piece_begin)).num_bytes;
      if (typed_ids_.contains(pieces.ids[i]) && first < pieces.num_bytes[i]) {
        const size_t cut = piece_begin + first;
        encode_word(word.substr(begin, cut - begin));
        begin = cut;
      }
      piece_begin += pieces.num_bytes[i];
    }
    if (begin > 0) {
      encode_word(word.substr(begin));
      return;
    }
    for (size_t i = 0; i < pieces.ids.size(); ++i) {
      output_.add(static_cast<uint32_t>(pieces.ids[i]), pieces.num_bytes[i]);
    }
  }

  // Of the ids that a word just became.
  void add_ranges(const AlignedText& text, size_t begin) {
    for (const uint32_t num_bytes : output_.num_bytes) {
      const ByteRange range = text.source_of(begin, begin + num_bytes);
      add_range(
          range, encoder_.form_of(static_cast<size_t>(output_.ids[ranges_.size()])));
      begin += num_bytes;
    }
    output_.num_bytes.clear();
  }

  void add_token(const AddedTokenPart& part, ByteRange range, std::string_view text) {
    output_.ids.push_back(part.token->id);
    if (options_.wants_ranges) {
      add_range(range, text.substr(part.begin, part.end - part.begin));
    }
  }

  void add_range(ByteRange source, std::string_view token) {
    TextRange range{source.begin, source.end};
    if (encoder_.post_processor_.trims_ranges) {
      range = trimmed(
          range, token, text_,
          {.is_first = ranges_.empty() || range.begin == 0,
           .keeps_first_space = encoder_.post_processor_.keeps_first_space});
    }
    ranges_.push_back(range);
  }

  const TextEncoder& encoder_;
  std::string_view text_;
  EncodeOptions options_;
  ScratchPool<Scratch>::Lease scratch_;
  BpeOutput output_;
  std::vector<TextRange> ranges_;
  std::set<int64_t> typed_ids_; // of tokens that are text where they were typed
};

TextEncoder::TextEncoder(
    const TokenizerJsonFile& file,
    const JsonVocabulary& vocabulary)
    : vocabulary_(vocabulary) {
  const JsonObject document(file.document, "tokenizer");
  const auto read = [&](const char* key, auto use) {
    if (document.has(key)) {
      const JsonObject fields = document.object(key);
      use(TokenizerJsonPart{fields, key, file.name});
    }
  };
  read("normalizer", [&](const auto& part) { normalizer_ = read_normalizer(part); });
  read("pre_tokenizer", [&](const auto& part) {
    pre_tokenizer_ = read_pre_tokenizer(part);
  });
  read("post_processor", [&](const auto& part) {
    post_processor_ = read_post_processor(part);
  });
  check_frame(file.name);
  const bool is_byte_level = pre_tokenizer_ && pre_tokenizer_->makes_bytes();
  model_.emplace(file, is_byte_level, vocabulary_.special());
  read_added_tokens();
}

TextEncoding TextEncoder::encode(std::string_view text, EncodeOptions options) const {
  return Call(*this, text, options).encode();
}

const std::string& TextEncoder::form_of(size_t id) const {
  const auto form = forms_.find(id);
  return form != forms_.end() ? form->second : vocabulary_.text_of(id);
}

void TextEncoder::check_frame(const std::string& file) const {
  for (const auto& ids : {post_processor_.frame.before, post_processor_.frame.after}) {
    for (const int64_t id : ids) {
      if (id >= static_cast<int64_t>(vocabulary_.size())) {
        throw IoError(
            "tokenizer", file,
            "expected post_processor with ids below " +
                std::to_string(vocabulary_.size()) + ", got " + std::to_string(id) +
                ".");
      }
    }
  }
}

void TextEncoder::read_added_tokens() {
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  std::vector<std::string> raw_forms;
  std::vector<std::string> normalized_forms;
  const auto scratch = scratch_.take();
  for (const AddedToken& token : vocabulary_.added()) {
    if (!token.is_normalized) {
      raw.push_back(token);
      raw_forms.push_back(token.content);
      continue;
    }
    std::string form = token.content;
    if (normalizer_) {
      form = normalizer_
                 ->normalized(AlignedText(token.content, 0, false), scratch->patterns)
                 .text();
    }
    if (form != token.content) {
      forms_[token.id] = form;
    }
    normalized.push_back(token);
    normalized_forms.push_back(std::move(form));
  }
  has_normalized_tokens_ = !normalized.empty();
  raw_tokens_ = AddedTokenMatcher(std::move(raw), raw_forms);
  normalized_tokens_ = AddedTokenMatcher(std::move(normalized), normalized_forms);
}

} // namespace omni
