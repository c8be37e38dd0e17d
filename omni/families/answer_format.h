// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How the models of a family write what is not the answer itself: their reasoning, and
// calls of tools. Marks as text, whatever tokens they are. What is given here is what
// most published models use; a family says where it differs. What is not read stays
// text: Llama's calls of its own tools (name.call(...)) and those written as Python,
// and several of its calls in one answer. No torch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace omni {

enum class CallSyntax {
  Json, // {"name": ..., "arguments": {...}}, or a list of these
  KeyValues, // name, then <arg_key>k</arg_key> <arg_value>v</arg_value> for each
  Pattern, // as CallFormat::pattern says
};

// Around the keys and values of CallSyntax::KeyValues.
inline constexpr const char* kKeyBegin = "<arg_key>";
inline constexpr const char* kKeyEnd = "</arg_key>";
inline constexpr const char* kValueBegin = "<arg_value>";
inline constexpr const char* kValueEnd = "</arg_value>";

struct CallFormat {
  // Empty: there is none, the call is the whole answer, one JSON object with a name and
  // arguments. Since answers may be JSON for other reasons, that is read only where
  // tools were given.
  std::string begin = "<tool_call>";
  // Empty: a call lasts until the next begins, or the answer ends.
  std::string end = "</tool_call>";
  CallSyntax syntax = CallSyntax::Json;
  // {id}, {name} and {arguments}, which are a JSON object, with the marks between them.
  // White space around marks does not count.
  std::string pattern = {};
};

struct AnswerFormat {
  // Any of them, before the answer.
  std::vector<std::string> reasoning_begin = {"<think>"};
  std::vector<std::string> reasoning_end = {"</think>"};
  // Around a text that follows reasoning; empty: none.
  std::string text_begin;
  std::string text_end;
  // Those with the same `begin` have the same `end`, and are tried in this order.
  std::vector<CallFormat> calls = {CallFormat()};
  // Marks between the parts of an answer, which say nothing to its reader.
  std::vector<std::string> separators;

  // All that are not empty.
  [[nodiscard]] std::vector<std::string> marks() const;
};

// Stands before a special token in the text of an answer. A byte that UTF-8 never has:
// what a model spells in letters is not taken for the token.
inline constexpr char kSpecialToken = '\xFF';

// `text` with kSpecialToken before each of `tokens` in it, of those at one place the
// longest.
[[nodiscard]] std::string mark_special_tokens(
    std::string_view text,
    const std::vector<std::string>& tokens);
// Without them again.
[[nodiscard]] std::string plain_text(std::string_view text);
// Marks as they are where `tokens` are special. Others stay text.
[[nodiscard]] AnswerFormat with_special_tokens(
    AnswerFormat format,
    const std::vector<std::string>& tokens);

} // namespace omni
