// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Reads the text of an answer as it comes: what is reasoning, what is the answer
// itself, what calls a tool. Reasoning comes before the answer. Gives each piece as
// soon as no mark can begin in it; white space around marks belongs to them. Nothing is
// lost: a call that cannot be read, or does not end, is given as text. Not thread-safe.
// No torch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "omni/core/tool_call.h"
#include "omni/families/answer_format.h"

namespace omni {

struct AnswerPiece {
  enum class Kind { Reasoning, Text, Call };
  Kind kind = Kind::Text;
  std::string text; // of Reasoning and Text
  ToolCall call; // of Call
};

class AnswerReader {
 public:
  // `begins_in_reasoning` where the prompt ends with the mark that opens it.
  explicit AnswerReader(AnswerFormat format, bool begins_in_reasoning = false);

  [[nodiscard]] std::vector<AnswerPiece> push(std::string_view text);
  // What is held back; call it once, at the end.
  [[nodiscard]] std::vector<AnswerPiece> finish();

 private:
  enum class State { Text, Reasoning, Call };

  // The marks that may follow in this state.
  [[nodiscard]] std::vector<std::string> next_marks() const;
  void read_marks(bool is_end); // and the text before them, as far as it is sure
  void take(std::string_view text); // before a mark, or where none can begin
  void enter(const std::string& mark);
  void end_call(const std::string& mark);
  void give(State state, std::string_view text);

  AnswerFormat format_;
  State state_;
  std::string held_; // may yet turn out to begin a mark
  std::string call_; // what stands after call_begin
  std::string space_; // at the end of what was given; dropped before a mark
  bool drops_space_; // a mark has just been read
  bool has_text_ = false; // the answer itself has begun
  int num_calls_ = 0;
  std::vector<AnswerPiece> pieces_;
};

// Calls written between the marks; nothing where they cannot be read. `first_number` is
// for the ids of calls that have none.
[[nodiscard]] std::vector<ToolCall>
read_tool_calls(const AnswerFormat& format, std::string_view text, int first_number);

} // namespace omni
