// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/json_vocabulary.h"

#include <algorithm>

#include "omni/core/errors.h"
#include "tokenizers/text/tokenizer_json_part.h"

namespace omni {
namespace {

// Published vocabularies have gaps of some hundreds of ids.
constexpr size_t kMaxUnusedIds = 65536;
constexpr int64_t kMaxContentBytes = 4096;

std::string shown(std::string_view text) {
  return "\"" + std::string(text.substr(0, 60)) + "\"";
}

[[noreturn]] void fail(
    const TokenizerJsonFile& file,
    const std::string& expected,
    const std::string& got) {
  throw IoError("tokenizer", file.name, "expected " + expected + ", got " + got + ".");
}

AddedToken read_added_token(const JsonObject& fields, const TokenizerJsonFile& file) {
  AddedToken token;
  token.content = fields.string("content");
  const int64_t id = fields.integer("id", 0);
  if (id > kMaxTokenId) {
    fail(
        file, "added tokens with ids to " + std::to_string(kMaxTokenId),
        std::to_string(id));
  }
  if (token.content.empty() ||
      token.content.size() > static_cast<size_t>(kMaxContentBytes)) {
    fail(
        file, "added tokens of 1 to " + std::to_string(kMaxContentBytes) + " bytes",
        std::to_string(token.content.size()) + " of id " + std::to_string(id));
  }
  token.id = static_cast<uint32_t>(id);
  token.is_special = fields.boolean_or("special", false);
  token.is_single_word = fields.boolean_or("single_word", false);
  token.strips_left = fields.boolean_or("lstrip", false);
  token.strips_right = fields.boolean_or("rstrip", false);
  token.is_normalized = fields.boolean_or("normalized", !token.is_special);
  return token;
}

void check_type(const TokenizerJsonFile& file) {
  const JsonObject document(file.document, "tokenizer");
  const JsonObject model = document.object("model");
  // Old files leave the type out.
  const std::string type = model.string_or("type", "BPE");
  if (type != "BPE") {
    constexpr size_t kShown = 60;
    throw UnsupportedTokenizer(
        file.name, "expected model BPE, got " + type.substr(0, kShown) + ".");
  }
}

} // namespace

JsonVocabulary::JsonVocabulary(const TokenizerJsonFile& file) {
  check_type(file);
  uint32_t last = 0;
  for (const TokenizerJsonFile::Token& token : file.vocabulary) {
    last = std::max(last, token.id);
  }
  read_added(file);
  for (const AddedToken& token : added_) {
    last = std::max(last, token.id);
  }
  const size_t num_tokens = file.vocabulary.size() + added_.size();
  if (num_tokens == 0) {
    fail(file, "tokens in model.vocab", "none");
  }
  if (last >= num_tokens + kMaxUnusedIds) {
    fail(
        file, "ids without gaps",
        "ids to " + std::to_string(last) + " of " + std::to_string(num_tokens) +
            " tokens");
  }
  texts_.resize(size_t{last} + 1);
  is_used_.resize(size_t{last} + 1);
  for (const TokenizerJsonFile::Token& token : file.vocabulary) {
    add(file.text_of(token.text), token.id, file);
  }
  std::map<std::string_view, uint32_t> ids_of_added;
  for (const AddedToken& token : added_) {
    if (!ids_of_added.emplace(token.content, token.id).second) {
      fail(file, "each added token once", shown(token.content) + " twice");
    }
    if (!is_used_[token.id]) {
      add(token.content, token.id, file);
    } else if (texts_[token.id] != token.content) {
      fail(
          file, "one token for each id",
          shown(texts_[token.id]) + " and " + shown(token.content) + " for " +
              std::to_string(token.id));
    }
  }
  for (const TokenizerJsonFile::Token& token : file.vocabulary) {
    const auto found = ids_of_added.find(file.text_of(token.text));
    if (found != ids_of_added.end() && found->second != token.id) {
      fail(
          file, "one id for each token",
          std::to_string(token.id) + " and " + std::to_string(found->second) + " for " +
              shown(found->first));
    }
  }
}

void JsonVocabulary::add(
    std::string_view text,
    uint32_t id,
    const TokenizerJsonFile& file) {
  if (is_used_[id]) {
    fail(
        file, "one token for each id",
        shown(texts_[id]) + " and " + shown(text) + " for " + std::to_string(id));
  }
  is_used_[id] = true;
  texts_[id] = text;
}

void JsonVocabulary::read_added(const TokenizerJsonFile& file) {
  const JsonObject document(file.document, "tokenizer");
  if (!document.has("added_tokens")) {
    return;
  }
  for (const JsonObject& fields : document.objects("added_tokens")) {
    added_.push_back(read_added_token(fields, file));
    if (added_.back().is_special) {
      special_.insert(added_.back().id);
    }
  }
}

std::map<std::string, int64_t> JsonVocabulary::special_tokens() const {
  std::map<std::string, int64_t> tokens = added_tokens();
  std::erase_if(tokens, [this](const auto& token) {
    return !special_.contains(static_cast<uint32_t>(token.second));
  });
  return tokens;
}

std::map<std::string, int64_t> JsonVocabulary::added_tokens() const {
  std::map<std::string, int64_t> tokens;
  for (const AddedToken& token : added_) {
    tokens[token.content] = token.id;
  }
  return tokens;
}

} // namespace omni
