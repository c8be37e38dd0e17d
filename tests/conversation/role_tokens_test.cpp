// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/conversation/role_tokens.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/tokenizers/text/tokenizer_documents.h"

namespace omni {
namespace {

using Tokens = std::vector<std::string>;

// Of a tokenizer with these added tokens and the special one <|end|>.
Tokens role_tokens_among(
    const Tokens& added,
    const std::string& source,
    const Tokens& marks = {},
    const ChatTemplate::Variables& defaults = {}) {
  Json document = test::byte_level_document({});
  int64_t id = 256;
  document["added_tokens"] = {test::added_token("<|end|>", id, {{"special", true}})};
  for (const std::string& token : added) {
    document["added_tokens"].push_back(test::added_token(token, ++id));
  }
  const ChatTemplate chat_template(source, {}, defaults);
  Tokens tokens = role_tokens(*test::tokenizer(document), chat_template, marks);
  std::erase(tokens, "<|end|>");
  return tokens;
}

} // namespace

TEST_CASE("special tokens play a role wherever they are") {
  const auto tokenizer = test::tokenizer(test::byte_level_document());
  CHECK(role_tokens(*tokenizer, ChatTemplate("<tool"), {}) == Tokens{"<|end|>"});
}

TEST_CASE("tokens that a template writes play a role") {
  CHECK(
      role_tokens_among(
          {"<｜User｜>", "<other>", "[INST]"}, "{{ '<｜User｜>' }}[INST]") ==
      Tokens{"<｜User｜>", "[INST]"});
  CHECK(
      role_tokens_among(
          {"<s>", "<t>"}, "{{ bos_token }}", {}, {{"bos_token", "<s>"}}) ==
      Tokens{"<s>"});
}

TEST_CASE("tokens that a template joins of a role's name play a role") {
  CHECK(
      role_tokens_among(
          {"<|user|>", "<|other|>", "[tool]", "user|>"},
          "{{ '<|' ~ m.role ~ '|>' }}") == Tokens{"<|user|>"});
}

TEST_CASE("tokens of answers play a role") {
  CHECK(
      role_tokens_among(
          {"<think>", "</think>\n\n", "<call>", "[x]"}, "",
          {"<think>", "</think>", "["}) == Tokens{"</think>\n\n", "<think>"});
}

TEST_CASE("words, spaces and signs play no role") {
  const Tokens added = {"helpful", "  ", "...", "▁helpful", "\n\n", "\"\""};
  CHECK(
      role_tokens_among(added, "{{  a }}You are a ▁helpful\n\n...{{ \"\" }}").empty());
}

} // namespace omni
