// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Reads the structure of a SentencePiece model (a serialised ModelProto) and checks it
// before the library sees it: a hostile file could make that read outside its bounds or
// run without end. What comes out is what the library is given. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

// The numbers of ModelProto.SentencePiece.Type.
enum class PieceType { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

struct SentencePieceEntry {
  std::string text; // UTF-8, U+2581 for a space
  PieceType type = PieceType::Normal;
};

struct SentencePieceModel {
  std::vector<SentencePieceEntry> pieces; // by id
  // What decoding writes for the unknown id.
  std::string unknown_surface = " \xE2\x81\x87 ";
  bool has_byte_fallback = false;
  // Encoding puts a space before the text (and decoding takes it away).
  bool has_dummy_prefix = true;
  // Runs of spaces become one, those at the ends none.
  bool removes_extra_spaces = true;
  // The pieces, trainer and normaliser settings of the file and nothing else, as a
  // ModelProto; `special` pieces are of type Control in it, and control pieces of one
  // character have another text, which text cannot become.
  std::string serialized;
};

// Throws IoError naming `path` and the piece: broken protobuf, fields of another type,
// no pieces, pieces that are empty, overlong, repeated, not UTF-8 or of an unknown
// type, scores that are not finite, missing or wrong byte pieces, other than one
// unknown piece, a model that is neither unigram nor BPE, a character map whose units
// lead outside it or in circles. User-defined pieces listed in `special` become
// Control.
[[nodiscard]] SentencePieceModel parse_sentencepiece_model(
    std::string_view bytes,
    const std::string& path,
    const std::vector<std::string>& special = {});

// Checks one character map (a length, a double-array trie, replacements); "" when it is
// sound, else what is wrong with it.
[[nodiscard]] std::string find_charsmap_fault(std::string_view map);

} // namespace omni
