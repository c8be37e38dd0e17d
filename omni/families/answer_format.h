// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How the models of a family write what is not the answer itself: their reasoning, and
// calls of tools. Marks as text, whatever tokens they are. What is given here is what
// most published models use; a family says where it differs. No torch.
#pragma once

#include <string>
#include <vector>

namespace omni {

enum class CallSyntax {
  Json, // {"name": ..., "arguments": {...}}, or a list of these
  KeyValues, // name, then <arg_key>k</arg_key> <arg_value>v</arg_value> for each
  Marked, // id, call_name, name, call_arguments, a JSON object
};

struct AnswerFormat {
  std::string reasoning_begin = "<think>";
  std::string reasoning_end = "</think>";
  CallSyntax call_syntax = CallSyntax::Json;
  std::string call_begin = "<tool_call>";
  std::string call_end = "</tool_call>"; // empty: a call lasts until the answer ends
  std::string call_name; // of Marked
  std::string call_arguments; // of Marked
  // Marks between the parts of an answer, which say nothing to its reader.
  std::vector<std::string> separators;

  // All that are not empty.
  [[nodiscard]] std::vector<std::string> marks() const;
};

} // namespace omni
