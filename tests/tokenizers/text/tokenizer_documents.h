// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Small tokenizer.json documents, sound ones to be spoiled by tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "omni/core/json.h"
#include "tokenizers/text/text_tokenizer.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni::test {

// The 256 bytes as ids 0 to 255, then what `merges` make of them, "a b" each; a special
// token <|end|> and another <tool> behind them. ByteLevel with GPT-2's pattern.
Json byte_level_document(
    const std::vector<std::string>& merges = {
        "a b", "ab c", "Ġ a", "Ġ ab", "ê °", "ê° Ģ"});
// <unk>, <s>, the bytes as <0x00> to <0xFF>, ▁ a b c, then the merges ▁ a → ▁a, ▁a b.
// Metaspace, byte fallback.
Json fallback_document();

Json added_token(const std::string& content, int64_t id, const Json& flags = {});
std::shared_ptr<const TextTokenizer> tokenizer(const Json& document);

// The part that a document has, for what reads parts.
template <class Read>
auto read_part(const Json& document, Read read) {
  const JsonObject fields(document, "tokenizer");
  return read(TokenizerJsonPart{fields, "part", "test.json"});
}

} // namespace omni::test
