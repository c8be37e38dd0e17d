// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/sentencepiece_model_check.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cmath>
#include <set>
#include <unordered_set>

#include "omni/core/errors.h"
#include "tokenizers/text/protobuf_fields.h"
#include "tokenizers/text/utf8.h"
#include "tokenizers/text/utf8_stream.h"

namespace omni {
namespace {

// Field numbers of sentencepiece_model.proto.
enum ModelField : uint64_t {
  kPieces = 1,
  kTrainer = 2,
  kNormalizer = 3,
  kDenormalizer = 5
};
enum PieceField : uint64_t { kText = 1, kScore = 2, kType = 3 };
enum TrainerField : uint64_t {
  kModelType = 3,
  kSpaceAsSuffix = 24,
  kByteFallback = 35,
  kUnknownSurface = 44
};
enum NormalizerField : uint64_t {
  kCharsMap = 2,
  kDummyPrefix = 3,
  kRemoveExtraSpaces = 4,
  kEscapeSpaces = 5
};

constexpr size_t kMaxPieceBytes = 1024;
constexpr size_t kMaxPieces = 2'000'000;
constexpr size_t kMaxSurfaceBytes = 256;
// The library keeps 64 user-defined pieces that begin a text on its stack.
constexpr size_t kMaxNestedPieces = 64;

class ModelParser {
 public:
  ModelParser(const std::string& path, const std::vector<std::string>& special)
      : path_(path), special_(special.begin(), special.end()) {}

  SentencePieceModel parse(std::string_view bytes) {
    try {
      ProtobufFields fields(bytes);
      while (const auto field = fields.next()) {
        parse_field(*field);
      }
    } catch (const ProtobufError& error) {
      fail(error.what());
    }
    check_whole();
    return std::move(model_);
  }

 private:
  void parse_field(const ProtobufField& field) {
    switch (field.number) {
      case kPieces:
        parse_piece(message(field, "a piece"));
        return;
      case kTrainer:
        once(has_trainer_, "trainer settings");
        parse_trainer(message(field, "trainer settings"));
        break;
      case kNormalizer:
        once(has_normalizer_, "normaliser settings");
        parse_normalizer(message(field, "normaliser settings"));
        break;
      case kDenormalizer:
        check_denormalizer(message(field, "denormaliser settings"));
        return;
      default:
        return; // self tests and extensions: left out
    }
    append_bytes_field(model_.serialized, field.number, field.bytes);
  }

  void parse_piece(std::string_view bytes) {
    const size_t id = model_.pieces.size();
    if (id == kMaxPieces) {
      fail("more than " + std::to_string(kMaxPieces) + " pieces");
    }
    std::string_view text;
    uint64_t type = 1;
    uint64_t score = 0;
    ProtobufFields fields(bytes);
    while (const auto field = fields.next()) {
      if (field->number == kText) {
        text = message(*field, "a piece's text");
      } else if (field->number == kType) {
        type = number(*field, "a piece's type");
      } else if (field->number == kScore) {
        if (field->type != WireType::Fixed32) {
          fail_at(id, "a score that is not a float");
        }
        score = field->value;
      }
    }
    if (text.empty() || text.size() > kMaxPieceBytes) {
      fail_at(
          id,
          "a text of " + std::to_string(text.size()) + " bytes, not of 1 to " +
              std::to_string(kMaxPieceBytes));
    }
    if (to_valid_utf8(text) != text) {
      fail_at(id, "a text that is not UTF-8");
    }
    if (text.find('\0') != text.npos) {
      fail_at(id, "a text with a NUL byte");
    }
    if (!std::isfinite(std::bit_cast<float>(static_cast<uint32_t>(score)))) {
      fail_at(id, "a score that is not finite");
    }
    if (type < 1 || type > 6) {
      fail_at(id, "the unknown type " + std::to_string(type));
    }
    if (!texts_.emplace(text).second) {
      fail_at(id, "the text \"" + std::string(text) + "\", which another piece has");
    }
    auto kind = static_cast<PieceType>(type);
    if (kind == PieceType::UserDefined && special_.contains(std::string(text))) {
      kind = PieceType::Control;
    }
    if (kind == PieceType::Byte) {
      check_byte_piece(id, text);
    }
    model_.pieces.push_back({std::string(text), kind});
    // BPE looks single characters up among all pieces; text must not find this one.
    const bool is_findable =
        kind == PieceType::Control && first_character(text).num_bytes == text.size();
    append_piece(
        is_findable ? "<control piece " + std::to_string(id) + ">" : std::string(text),
        score, kind);
  }

  void append_piece(std::string_view text, uint64_t score, PieceType type) {
    std::string piece;
    append_bytes_field(piece, kText, text);
    piece += static_cast<char>(kScore << 3 | 5);
    for (int shift = 0; shift < 32; shift += 8) {
      piece += static_cast<char>(score >> shift & 0xFF);
    }
    append_varint_field(piece, kType, static_cast<uint64_t>(type));
    append_bytes_field(model_.serialized, kPieces, piece);
  }

  // Byte pieces are written <0xNN>.
  void check_byte_piece(size_t id, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    if (text.size() == 6 && text.starts_with("<0x") && text[5] == '>') {
      const size_t high = kDigits.find(text[3]);
      const size_t low = kDigits.find(text[4]);
      if (high != kDigits.npos && low != kDigits.npos) {
        bytes_seen_.set(high * 16 + low);
        return;
      }
    }
    fail_at(id, "a byte piece \"" + std::string(text) + "\"");
  }

  void parse_trainer(std::string_view bytes) {
    ProtobufFields fields(bytes);
    while (const auto field = fields.next()) {
      if (field->number == kModelType) {
        model_type_ = number(*field, "a model type");
      } else if (field->number == kSpaceAsSuffix) {
        if (number(*field, "treat_whitespace_as_suffix") != 0) {
          fail("a model with spaces after words, which is not supported");
        }
      } else if (field->number == kByteFallback) {
        model_.has_byte_fallback = number(*field, "byte_fallback") != 0;
      } else if (field->number == kUnknownSurface) {
        const std::string_view surface = message(*field, "unk_surface");
        if (surface.size() > kMaxSurfaceBytes) {
          fail("an unk_surface of " + std::to_string(surface.size()) + " bytes");
        }
        model_.unknown_surface = to_valid_utf8(surface);
      }
    }
  }

  void parse_normalizer(std::string_view bytes) {
    ProtobufFields fields(bytes);
    while (const auto field = fields.next()) {
      if (field->number == kCharsMap) {
        once(has_charsmap_, "character map");
        const std::string_view map = message(*field, "a character map");
        if (const std::string fault = find_charsmap_fault(map);
            !map.empty() && !fault.empty()) {
          fail(fault);
        }
      } else if (field->number == kDummyPrefix) {
        model_.has_dummy_prefix = number(*field, "add_dummy_prefix") != 0;
      } else if (field->number == kRemoveExtraSpaces) {
        model_.removes_extra_spaces = number(*field, "remove_extra_whitespaces") != 0;
      } else if (field->number == kEscapeSpaces) {
        number(*field, "escape_whitespaces");
      }
    }
  }

  void check_denormalizer(std::string_view bytes) const {
    ProtobufFields fields(bytes);
    while (const auto field = fields.next()) {
      if (field->number == kCharsMap && !message(*field, "a map").empty()) {
        fail("a model that rewrites decoded text, which is not supported");
      }
    }
  }

  void check_whole() const {
    if (model_.pieces.empty()) {
      fail("a file without pieces");
    }
    if (model_type_ != 1 && model_type_ != 2) {
      fail(
          "model type " + std::to_string(model_type_) +
          "; unigram (1) and BPE (2) are supported");
    }
    const auto count = [&](PieceType type) {
      return std::ranges::count(model_.pieces, type, &SentencePieceEntry::type);
    };
    if (count(PieceType::Unknown) != 1) {
      fail(std::to_string(count(PieceType::Unknown)) + " unknown pieces");
    }
    if (model_.has_byte_fallback ? !bytes_seen_.all() : bytes_seen_.any()) {
      fail(
          std::to_string(bytes_seen_.count()) + " byte pieces in a model " +
          (model_.has_byte_fallback ? "with" : "without") + " byte fallback");
    }
    if (count(PieceType::Normal) + count(PieceType::UserDefined) +
            count(PieceType::Unused) ==
        0) {
      fail("a file without pieces of text");
    }
    check_user_defined();
  }

  // In sorted order the pieces that begin a piece are on the stack when it comes.
  void check_user_defined() const {
    std::set<std::string_view> sorted;
    for (const SentencePieceEntry& piece : model_.pieces) {
      if (piece.type == PieceType::UserDefined) {
        sorted.insert(piece.text);
      }
    }
    std::vector<std::string_view> nested;
    for (const std::string_view text : sorted) {
      while (!nested.empty() && !text.starts_with(nested.back())) {
        nested.pop_back();
      }
      nested.push_back(text);
      if (nested.size() > kMaxNestedPieces) {
        fail(
            "more than " + std::to_string(kMaxNestedPieces) +
            " user-defined pieces that begin each other");
      }
    }
  }

  std::string_view message(const ProtobufField& field, const std::string& what) const {
    if (field.type != WireType::Bytes) {
      fail(what + " of the wrong wire type");
    }
    return field.bytes;
  }

  uint64_t number(const ProtobufField& field, const std::string& what) const {
    if (field.type != WireType::Varint) {
      fail(what + " of the wrong wire type");
    }
    return field.value;
  }

  void once(bool& is_seen, const std::string& what) const {
    if (is_seen) {
      fail(what + " twice");
    }
    is_seen = true;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw IoError(
        "tokenizer", path_, "expected a sound SentencePiece model, got " + what + ".");
  }
  [[noreturn]] void fail_at(size_t id, const std::string& what) const {
    fail("piece " + std::to_string(id) + " with " + what);
  }

  const std::string& path_;
  std::unordered_set<std::string> special_;
  SentencePieceModel model_;
  std::unordered_set<std::string_view> texts_; // views into the file's bytes
  std::bitset<256> bytes_seen_;
  uint64_t model_type_ = 1;
  bool has_trainer_ = false;
  bool has_normalizer_ = false;
  bool has_charsmap_ = false;
};

} // namespace

SentencePieceModel parse_sentencepiece_model(
    std::string_view bytes,
    const std::string& path,
    const std::vector<std::string>& special) {
  return ModelParser(path, special).parse(bytes);
}

} // namespace omni
