// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/tokenizers/text/tokenizer_documents.h"

#include "tokenizers/text/byte_level.h"
#include "tokenizers/text/json_tokenizer.h"
#include "tokenizers/text/utf8.h"

namespace omni::test {
namespace {

void add_merges(Json& model, const std::vector<std::string>& merges) {
  for (const std::string& merge : merges) {
    std::string token = merge;
    token.erase(token.find(' '), 1);
    model["vocab"][token] = model["vocab"].size();
    model["merges"].push_back(merge);
  }
}

} // namespace

Json byte_level_document(const std::vector<std::string>& merges) {
  Json model = {{"type", "BPE"}, {"vocab", Json::object()}, {"merges", Json::array()}};
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    append_character(character, character_of_byte(static_cast<uint8_t>(byte)));
    model["vocab"][character] = byte;
  }
  add_merges(model, merges);
  const auto next = static_cast<int64_t>(model["vocab"].size());
  return {
      {"version", "1.0"},
      {"added_tokens",
       {added_token("<|end|>", next, {{"special", true}}),
        added_token("<tool>", next + 1)}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", model}};
}

Json fallback_document() {
  Json model = {
      {"type", "BPE"},
      {"vocab", {{"<unk>", 0}, {"<s>", 1}}},
      {"merges", Json::array()},
      {"unk_token", "<unk>"},
      {"byte_fallback", true}};
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const std::string token = {
        '<',
        '0',
        'x',
        kDigits[static_cast<size_t>(byte / 16)],
        kDigits[static_cast<size_t>(byte % 16)],
        '>'};
    model["vocab"][token] = 2 + byte;
  }
  for (const char* token : {"▁", "a", "b", "c"}) {
    model["vocab"][token] = model["vocab"].size();
  }
  add_merges(model, {"▁ a", "▁a b"});
  const Json metaspace = {
      {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}};
  return {
      {"version", "1.0"},
      {"added_tokens",
       {added_token("<unk>", 0, {{"special", true}}),
        added_token("<s>", 1, {{"special", true}})}},
      {"pre_tokenizer", metaspace},
      {"decoder",
       {{"type", "Sequence"}, {"decoders", {metaspace, {{"type", "ByteFallback"}}}}}},
      {"model", model}};
}

Json added_token(const std::string& content, int64_t id, const Json& flags) {
  Json token = {{"id", id},        {"content", content}, {"single_word", false},
                {"lstrip", false}, {"rstrip", false},    {"normalized", false},
                {"special", false}};
  token.update(flags.is_object() ? flags : Json::object());
  return token;
}

std::shared_ptr<const TextTokenizer> tokenizer(const Json& document) {
  return tokenizer_from_json(document.dump(), "test.json");
}

} // namespace omni::test
