// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A SentencePiece `.model` file (Kudo and Richardson 2018), unigram or BPE. Special
// tokens are its control pieces, and its user-defined pieces where told so; text never
// becomes one of them. The other user-defined pieces are its added tokens. With byte
// fallback every text survives encode and decode, also the character U+2581 that pieces
// use for a space, unless the model's normalisation rewrites it or removes spaces.
#pragma once

#include <string_view>

#include "tokenizers/text/text_tokenizer.h"

namespace omni {

// Texts longer than this are refused: their lattice would take gigabytes.
inline constexpr size_t kMaxTextBytes = size_t{16} << 20;

// `special` lists user-defined pieces that are special. Throws IoError naming the file
// when it is not a sound SentencePiece model.
[[nodiscard]] std::shared_ptr<const TextTokenizer> load_sentencepiece(
    const std::filesystem::path& path,
    const std::vector<std::string>& special = {});
// The same from the bytes of such a file; `name` stands for it in errors.
[[nodiscard]] std::shared_ptr<const TextTokenizer> sentencepiece_from_bytes(
    std::string_view bytes,
    const std::string& name,
    const std::vector<std::string>& special = {});

} // namespace omni
