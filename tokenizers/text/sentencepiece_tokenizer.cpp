// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "tokenizers/text/protobuf_fields.h"
#include "tokenizers/text/sentencepiece_model_check.h"
#include "tokenizers/text/special_matcher.h"
#include "tokenizers/text/tokenizer_input.h"
#include "tokenizers/text/utf8.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

using sentencepiece::SentencePieceProcessor;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81"; // U+2581 stands for a space

std::string with_spaces(std::string_view piece) {
  std::string text;
  while (!piece.empty()) {
    const size_t mark = std::min(piece.find(kSpaceMark), piece.size());
    text += piece.substr(0, mark);
    piece.remove_prefix(mark);
    if (!piece.empty()) {
      text += ' ';
      piece.remove_prefix(kSpaceMark.size());
    }
  }
  return text;
}

std::string without_dummy_prefix(const SentencePieceModel& model) {
  constexpr uint64_t kNormalizer = 3;
  constexpr uint64_t kAddDummyPrefix = 3;
  std::string settings;
  append_varint_field(settings, kAddDummyPrefix, 0);
  // A message that occurs twice is merged, the last value counts.
  std::string bytes = model.serialized;
  append_bytes_field(bytes, kNormalizer, settings);
  return bytes;
}

class SentencePieceTokenizer : public TextTokenizer {
 public:
  SentencePieceTokenizer(const SentencePieceModel& model, const std::string& name)
      : has_dummy_prefix_(model.has_dummy_prefix),
        has_byte_fallback_(model.has_byte_fallback) {
    sentencepiece::SetMinLogLevel(3); // the library would print its errors
    load(start_, model.serialized, name);
    if (has_dummy_prefix_) {
      load(middle_, without_dummy_prefix(model), name);
    }
    for (const SentencePieceEntry& piece : model.pieces) {
      const auto id = static_cast<int64_t>(bytes_.size());
      switch (piece.type) {
        case PieceType::Control:
          special_tokens_[piece.text] = id;
          special_texts_[id] = piece.text;
          bytes_.emplace_back();
          break;
        case PieceType::Unknown:
          bytes_.push_back(model.unknown_surface);
          break;
        case PieceType::Byte: {
          const int byte = std::stoi(piece.text.substr(3, 2), nullptr, 16);
          id_of_byte_[static_cast<size_t>(byte)] = id;
          bytes_.emplace_back(1, static_cast<char>(byte));
          break;
        }
        case PieceType::UserDefined:
          bytes_.push_back(with_spaces(piece.text));
          defined_tokens_[bytes_.back()] = id;
          break;
        default:
          bytes_.push_back(with_spaces(piece.text));
      }
    }
    matcher_ = SpecialMatcher(special_tokens_);
    defined_matcher_ = SpecialMatcher(defined_tokens_);
  }

  std::vector<int64_t> encode(std::string_view text, bool allow_special)
      const override {
    if (allow_special) {
      return encode_prompt(text, {});
    }
    std::vector<int64_t> ids;
    encode_plain(checked_text(text, kMaxTextBytes), true, ids);
    return ids;
  }

  std::vector<int64_t> encode_prompt(
      std::string_view prompt,
      const std::vector<int64_t>& typed) const override {
    const std::string valid = checked_text(prompt, kMaxTextBytes);
    const std::string_view text = valid;
    std::vector<int64_t> ids;
    size_t begin = 0; // of the text that has no ids yet
    for (size_t at = 0; const auto match = matcher_.first_in(text.substr(at));) {
      const size_t token_begin = at + match->begin;
      at += match->end;
      const TextRange range{
          static_cast<int64_t>(token_begin), static_cast<int64_t>(at)};
      if (holds_any(text, range, typed)) {
        continue;
      }
      encode_apart(text.substr(0, token_begin), begin, typed, ids);
      ids.push_back(match->id);
      begin = at;
    }
    encode_apart(text, begin, typed, ids);
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special)
      const override {
    std::string bytes;
    for (const int64_t id : ids) {
      bytes += bytes_of(id);
      const auto special = special_texts_.find(id);
      if (!skip_special && special != special_texts_.end()) {
        bytes += special->second;
      }
    }
    const bool has_prefix = has_dummy_prefix_ && bytes.starts_with(' ');
    return to_valid_utf8(std::string_view(bytes).substr(has_prefix ? 1 : 0));
  }

  std::string bytes_of(int64_t id) const override {
    check_id(id, vocab_size());
    return bytes_[static_cast<size_t>(id)];
  }

  int64_t vocab_size() const override {
    return static_cast<int64_t>(bytes_.size());
  }

  bool has_dummy_prefix() const override {
    return has_dummy_prefix_;
  }

  std::map<std::string, int64_t> special_tokens() const override {
    return special_tokens_;
  }

  std::map<std::string, int64_t> added_tokens() const override {
    std::map<std::string, int64_t> tokens = defined_tokens_;
    tokens.insert(special_tokens_.begin(), special_tokens_.end());
    return tokens;
  }

 private:
  static void load(
      SentencePieceProcessor& processor,
      const std::string& bytes,
      const std::string& name) {
    const auto status = processor.LoadFromSerializedProto(bytes);
    if (!status.ok()) {
      throw IoError("tokenizer", name, status.ToString());
    }
  }

  // The text from `begin` on, without special tokens. The library takes every
  // user-defined piece for one; those that were typed are cut behind their first
  // character, so that it finds them no more.
  void encode_apart(
      std::string_view text,
      size_t begin,
      const std::vector<int64_t>& typed,
      std::vector<int64_t>& ids) const {
    for (size_t at = begin; !typed.empty();) {
      const auto match = defined_matcher_.first_in(text.substr(at));
      if (!match) {
        break;
      }
      const size_t piece = at + match->begin;
      at += match->end;
      const TextRange range{static_cast<int64_t>(piece), static_cast<int64_t>(at)};
      if (holds_any(text, range, typed)) {
        const size_t cut = piece + first_character(text.substr(piece)).num_bytes;
        encode_plain(text.substr(begin, cut - begin), begin == 0, ids);
        begin = cut;
      }
    }
    encode_plain(text.substr(begin), begin == 0, ids);
  }

  // Text without special tokens. The library would take U+2581 for a space, therefore
  // it is written in bytes here.
  void encode_plain(std::string_view text, bool is_start, std::vector<int64_t>& ids)
      const {
    while (!text.empty()) {
      const size_t mark = has_byte_fallback_ ? text.find(kSpaceMark) : text.npos;
      const size_t end = std::min(mark, text.size());
      encode_pieces(text.substr(0, end), is_start, ids);
      if (mark == text.npos) {
        return;
      }
      for (const char byte : kSpaceMark) {
        ids.push_back(id_of_byte_[static_cast<uint8_t>(byte)]);
      }
      text.remove_prefix(end + kSpaceMark.size());
      is_start = false;
    }
  }

  void encode_pieces(std::string_view text, bool is_start, std::vector<int64_t>& ids)
      const {
    if (text.empty()) {
      return;
    }
    const SentencePieceProcessor& processor =
        is_start || !has_dummy_prefix_ ? start_ : middle_;
    std::vector<int> found;
    check(processor.Encode(text, &found));
    ids.insert(ids.end(), found.begin(), found.end());
  }

  static void check(const sentencepiece::util::Status& status) {
    if (!status.ok()) {
      throw ValueError("tokenizer", status.ToString());
    }
  }

  SentencePieceProcessor start_; // for the start of a text
  SentencePieceProcessor middle_; // adds no dummy prefix; loaded when start_ adds one
  bool has_dummy_prefix_;
  bool has_byte_fallback_;
  std::vector<std::string> bytes_; // by id
  std::array<int64_t, 256> id_of_byte_{};
  std::map<std::string, int64_t> special_tokens_;
  std::map<int64_t, std::string> special_texts_;
  std::map<std::string, int64_t> defined_tokens_; // pieces that are not special
  SpecialMatcher matcher_; // of special_tokens_
  SpecialMatcher defined_matcher_; // of defined_tokens_
};

} // namespace

std::shared_ptr<const TextTokenizer> sentencepiece_from_bytes(
    std::string_view bytes,
    const std::string& name,
    const std::vector<std::string>& special) {
  return std::make_shared<SentencePieceTokenizer>(
      parse_sentencepiece_model(bytes, name, special), name);
}

std::shared_ptr<const TextTokenizer> load_sentencepiece(
    const std::filesystem::path& path,
    const std::vector<std::string>& special) {
  constexpr int64_t kMaxModelBytes = int64_t{64} << 20;
  return sentencepiece_from_bytes(
      read_file(path, kMaxModelBytes), path.string(), special);
}

} // namespace omni
