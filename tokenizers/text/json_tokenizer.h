// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A Hugging Face `tokenizer.json` with a BPE model, byte-level or with byte fallback.
// Its ids and ranges are those of the `tokenizers` library, but that text never becomes
// a special token: neither by matching, unless it may, nor by merging. Internal: no
// torch.
#pragma once

#include <string>
#include <string_view>

#include "tokenizers/text/text_tokenizer.h"

namespace omni {

// Throws IoError naming the file and what is wrong with it, ValueError naming the file
// and a part of it that is not supported.
[[nodiscard]] std::shared_ptr<const TextTokenizer> load_tokenizer_json(
    const std::filesystem::path& path);
// The same from the bytes of such a file; `name` stands for it in errors.
[[nodiscard]] std::shared_ptr<const TextTokenizer> tokenizer_from_json(
    std::string_view bytes,
    const std::string& name);

} // namespace omni
