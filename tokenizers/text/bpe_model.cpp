// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/bpe_model.h"

#include <array>
#include <utility>

#include "tokenizers/text/byte_level.h"
#include "tokenizers/text/tokenizer_json_part.h"
#include "tokenizers/text/utf8.h"

namespace omni {

// Reads the model part of a file into a BpeModel.
class BpeModel::Reader {
 public:
  Reader(
      BpeModel& model,
      const TokenizerJsonFile& file,
      const std::set<uint32_t>& special)
      : model_(model),
        file_(file),
        special_(special),
        document_(file.document, "tokenizer"),
        fields_(document_.object("model")),
        part_{fields_, "model", file.name},
        tokens_(file.vocabulary.size()) {}

  void read() {
    check_options();
    for (const TokenizerJsonFile::Token& token : file_.vocabulary) {
      if (!tokens_.add(file_.text_of(token.text), token.id)) {
        part_.fail(
            "vocabulary with each token once",
            "\"" + std::string(file_.text_of(token.text)) + "\" twice");
      }
    }
    read_unknown();
    read_fallback();
    read_units();
    read_merges();
  }

 private:
  void check_options() const {
    if (!fields_.has("vocab") || !fields_.has("merges")) {
      part_.fail("with vocab and merges", "one without");
    }
    static_cast<void>(fields_.object("vocab"));
    static_cast<void>(fields_.objects("merges")); // a list, empty in the document
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!fields_.string_or(key, "").empty()) {
        part_.unsupported(
            "without " + std::string(key), "\"" + fields_.string(key) + "\"");
      }
    }
    if (fields_.number_or("dropout", 0) != 0) {
      part_.unsupported("without dropout", std::to_string(fields_.number("dropout")));
    }
  }

  void read_unknown() {
    if (fields_.has("unk_token")) {
      const std::string text = fields_.string("unk_token");
      model_.unknown_ = tokens_.find(text);
      if (!model_.unknown_) {
        part_.fail("with its unk_token in the vocabulary", "\"" + text + "\"");
      }
    }
    model_.fuses_unknown_ = fields_.boolean_or("fuse_unk", false);
    model_.ignores_merges_ = fields_.boolean_or("ignore_merges", false);
  }

  void read_fallback() {
    model_.has_byte_fallback_ = fields_.boolean_or("byte_fallback", false);
    if (!model_.has_byte_fallback_) {
      return;
    }
    for (size_t byte = 0; byte < 256; ++byte) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      const std::string text = {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16],
                                '>'};
      const auto id = tokens_.find(text);
      model_.has_fallback_[byte] = id.has_value();
      model_.fallback_[byte] = id.value_or(0);
    }
  }

  // The id of a token that text may become.
  [[nodiscard]] std::optional<uint32_t> text_token(std::string_view text) const {
    const auto id = tokens_.find(text);
    return id && !special_.contains(*id) ? id : std::nullopt;
  }

  void read_units() {
    const size_t num_bytes = model_.is_byte_level_ ? 256 : 128;
    for (const TokenizerJsonFile::Token& token : file_.vocabulary) {
      if (special_.contains(token.id)) {
        continue;
      }
      const std::string_view text = file_.text_of(token.text);
      const bool is_character = first_character(text).num_bytes == text.size();
      if (model_.is_byte_level_) {
        // What stands for no bytes is never found in text.
        const auto bytes = bytes_of_characters(text);
        if (bytes && model_.ignores_merges_ && !bytes->empty()) {
          static_cast<void>(model_.whole_words_.add(*bytes, token.id));
        }
      } else {
        if (model_.ignores_merges_ && !text.empty()) {
          static_cast<void>(model_.whole_words_.add(text, token.id));
        }
        if (is_character && text.size() > 1) {
          static_cast<void>(model_.characters_.add(text, token.id));
        }
      }
    }
    for (size_t byte = 0; byte < num_bytes; ++byte) {
      std::string character;
      append_character(
          character,
          model_.is_byte_level_ ? character_of_byte(static_cast<uint8_t>(byte))
                                : static_cast<char32_t>(byte));
      Unit unit;
      if (const auto id = text_token(character)) {
        unit = {{*id}, 1, 1, false};
      } else if (model_.has_byte_fallback_) {
        if (model_.is_byte_level_ && character.size() > 1) {
          part_.unsupported(
              "byte-level with a token for each byte, or without byte_fallback",
              "none for byte " + std::to_string(byte));
        }
        unit = model_.unit_of(character);
      }
      model_.bytes_[byte] = unit;
    }
  }

  void read_merges() {
    model_.merges_ = BpeMerges(file_.merges.size());
    uint32_t rank = 0;
    std::string both;
    for (const TokenizerJsonFile::Merge& merge : file_.merges) {
      const std::string_view left = file_.text_of(merge.left);
      const std::string_view right = file_.text_of(merge.right);
      (both = left) += right;
      const auto find = [&](std::string_view text) {
        const auto id = tokens_.find(text);
        if (!id) {
          part_.fail(
              "merges of tokens in its vocabulary",
              "\"" + std::string(text.substr(0, 60)) + "\" in merge " +
                  std::to_string(rank));
        }
        return *id;
      };
      const uint32_t left_id = find(left);
      const uint32_t right_id = find(right);
      const uint32_t id = find(both);
      // Text never becomes a special token.
      if (!special_.contains(id)) {
        model_.merges_.add(left_id, right_id, {rank, id});
      }
      ++rank;
    }
  }

  BpeModel& model_;
  const TokenizerJsonFile& file_;
  const std::set<uint32_t>& special_;
  JsonObject document_;
  JsonObject fields_;
  TokenizerJsonPart part_;
  TokenTable tokens_;
};

BpeModel::BpeModel(
    const TokenizerJsonFile& file,
    bool is_byte_level,
    const std::set<uint32_t>& special)
    : is_byte_level_(is_byte_level) {
  Reader(*this, file, special).read();
}

BpeModel::Unit BpeModel::unit_of(std::string_view character) const {
  Unit unit;
  if (character.size() > 1) {
    if (const auto id = characters_.find(character)) {
      return {{*id}, 1, static_cast<uint8_t>(character.size()), false};
    }
  }
  if (!has_byte_fallback_) {
    return unit;
  }
  for (const char c : character) {
    const auto byte = static_cast<uint8_t>(c);
    if (!has_fallback_[byte]) {
      return {};
    }
    unit.ids[unit.num_ids++] = fallback_[byte];
  }
  unit.bytes_each = 1;
  unit.is_fallback = true;
  return unit;
}

void BpeModel::fill(std::string_view word, BpeWord& result) const {
  uint32_t unknown_bytes = 0; // of the unknown token that is pending
  const auto write_unknown = [&] {
    if (unknown_bytes > 0) {
      result.add({*unknown_, unknown_bytes});
      unknown_bytes = 0;
    }
  };
  for (size_t i = 0; i < word.size();) {
    const auto byte = static_cast<uint8_t>(word[i]);
    const bool is_one_byte = is_byte_level_ || byte < 0x80;
    const size_t num_bytes =
        is_one_byte ? 1 : first_character(word.substr(i)).num_bytes;
    const Unit unit = is_one_byte ? bytes_[byte] : unit_of(word.substr(i, num_bytes));
    if (unit.num_ids > 0) {
      // As `tokenizers` does: bytes overtake an unknown token that is pending.
      if (!unit.is_fallback) {
        write_unknown();
      }
      for (uint8_t k = 0; k < unit.num_ids; ++k) {
        result.add({unit.ids[k], unit.bytes_each});
      }
    } else if (unknown_) {
      if (!fuses_unknown_) {
        write_unknown();
      }
      unknown_bytes += static_cast<uint32_t>(num_bytes);
    }
    i += num_bytes;
  }
  write_unknown();
}

void BpeModel::encode(std::string_view word, BpeScratch& scratch, BpeOutput& output)
    const {
  const bool is_short = word.size() <= WordCache::kMaxWordBytes;
  const uint64_t hash = is_short ? hash_of(word) : 0;
  WordCache::Slot* slot = is_short ? &scratch.cache.slot_of(hash) : nullptr;
  if (is_short && WordCache::holds(*slot, word, hash)) {
    for (uint8_t i = 0; i < slot->num_pieces; ++i) {
      output.add(slot->ids[i], slot->piece_bytes[i]);
    }
    return;
  }
  scratch.word.clear();
  const auto whole = ignores_merges_ ? whole_words_.find(word) : std::nullopt;
  if (whole) {
    scratch.word.add({*whole, static_cast<uint32_t>(word.size())});
  } else {
    fill(word, scratch.word);
    scratch.word.merge(merges_);
  }
  for (const BpePiece piece : scratch.word.pieces()) {
    output.add(piece.id, piece.num_bytes);
  }
  if (is_short) {
    WordCache::put(*slot, word, hash, scratch.word.pieces());
  }
}

} // namespace omni
