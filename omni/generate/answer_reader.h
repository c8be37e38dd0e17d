// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Reads the text of an answer as it comes: what is reasoning, what is the answer
// itself, what calls a tool. Reasoning comes before the answer. Gives each piece as
// soon as no mark can begin in it; white space around marks belongs to them. Nothing is
// lost: a call that cannot be read, or does not end, is given as text. Not thread-safe.
// No torch.
#pragma once

#include <set>
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

// What came before an answer.
struct AnswerStart {
  bool in_reasoning = false; // the prompt ends with a mark that opens it
  bool has_tools = false; // the prompt says which may be called
  std::vector<ToolCall> earlier_calls = {}; // of the conversation
};

class AnswerReader {
 public:
  // Calls without an id get one that no call of the conversation has, and so do those
  // whose id is taken: nine letters and digits, as some templates want them.
  explicit AnswerReader(AnswerFormat format, const AnswerStart& start = {});

  // UTF-8, but for kSpecialToken before each special token of a mark.
  [[nodiscard]] std::vector<AnswerPiece> push(std::string_view text);
  // What is held back; call it once, at the end.
  [[nodiscard]] std::vector<AnswerPiece> finish();

 private:
  enum class State { Text, Reasoning, Call };

  // A call, and what is given back before it when it cannot be read.
  struct OpenCall {
    std::string begin;
    std::string text;
    std::string space;
    bool drops_space = false;
  };

  // The marks that may follow in this state.
  [[nodiscard]] std::vector<std::string> next_marks() const;
  // Of them those that count only before the answer has begun.
  [[nodiscard]] std::vector<std::string> opening_marks() const;
  void read_marks(bool is_end); // and the text before them, as far as it is sure
  void take(std::string_view text); // before a mark, or where none can begin
  void enter(const std::string& mark);
  void end_part(); // with a mark, which the white space around it belongs to
  void begin_call(const std::string& mark);
  void end_call(const std::string& mark);
  std::string free_id(std::string id);
  void give(State state, std::string_view marked);

  AnswerFormat format_;
  bool has_tools_;
  std::set<std::string> ids_; // of calls
  State state_;
  std::string held_; // may yet turn out to begin a mark
  OpenCall call_; // in State::Call
  std::string space_; // at the end of what was given; dropped before a mark
  bool drops_space_; // a mark has just been read
  bool has_reasoning_ = false; // it has ended
  bool has_text_ = false; // the answer itself has begun
  bool is_in_text_marks_ = false; // behind text_begin
  bool is_closed_ = false; // space_ holds text_end
  std::vector<AnswerPiece> pieces_;
};

} // namespace omni
