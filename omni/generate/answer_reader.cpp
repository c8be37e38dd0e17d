// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/answer_reader.h"

#include <algorithm>
#include <utility>

#include "omni/generate/pending_text.h"
#include "omni/generate/tool_call_syntax.h"

namespace omni {
namespace {

constexpr const char* kWhiteSpace = " \t\r\n";
// What a call that is the whole answer begins with.
constexpr const char* kObjectBegin = "{";

// The first of the marks in a text, of those at one place the longest.
struct FoundMark {
  size_t begin = std::string::npos;
  std::string mark;
};

FoundMark first_mark(const std::string& text, const std::vector<std::string>& marks) {
  FoundMark first;
  for (const std::string& mark : marks) {
    const size_t begin = text.find(mark);
    if (begin < first.begin ||
        (begin != text.npos && begin == first.begin &&
         mark.size() > first.mark.size())) {
      first = {begin, mark};
    }
  }
  return first;
}

bool contains(const std::vector<std::string>& marks, const std::string& mark) {
  return std::find(marks.begin(), marks.end(), mark) != marks.end();
}

// Nine letters and digits, as Mistral's templates demand.
std::string numbered_id(size_t number) {
  const std::string digits = std::to_string(number);
  return "call" + std::string(5 - std::min<size_t>(digits.size(), 5), '0') + digits;
}

} // namespace

AnswerReader::AnswerReader(AnswerFormat format, const AnswerStart& start)
    : format_(std::move(format)),
      has_tools_(start.has_tools),
      state_(start.in_reasoning ? State::Reasoning : State::Text),
      drops_space_(start.in_reasoning) {
  for (const ToolCall& call : start.earlier_calls) {
    ids_.insert(call.id);
  }
}

std::vector<std::string> AnswerReader::opening_marks() const {
  if (state_ != State::Text || has_text_) { // in an answer they are spoken of
    return {};
  }
  std::vector<std::string> marks = format_.reasoning_begin;
  if (has_reasoning_ && !is_in_text_marks_ && !format_.text_begin.empty()) {
    marks.push_back(format_.text_begin);
  }
  for (const CallFormat& call : format_.calls) {
    if (call.begin.empty() && has_tools_) {
      marks.emplace_back(kObjectBegin);
    }
  }
  return marks;
}

std::vector<std::string> AnswerReader::next_marks() const {
  std::vector<std::string> marks = opening_marks();
  switch (state_) {
    case State::Text:
      marks.insert(marks.end(), format_.separators.begin(), format_.separators.end());
      for (const CallFormat& call : format_.calls) {
        marks.push_back(call.begin);
      }
      marks.push_back(is_in_text_marks_ ? format_.text_end : "");
      break;
    case State::Reasoning:
      marks = format_.reasoning_end;
      break;
    case State::Call:
      for (const CallFormat& call : format_.calls) {
        if (call.begin == call_.begin) {
          marks.push_back(call.end.empty() ? call.begin : call.end);
        }
      }
      break;
  }
  std::erase(marks, "");
  return marks;
}

std::vector<AnswerPiece> AnswerReader::push(std::string_view text) {
  held_ += text;
  read_marks(/*is_end=*/false);
  return std::exchange(pieces_, {});
}

std::vector<AnswerPiece> AnswerReader::finish() {
  read_marks(/*is_end=*/true);
  if (state_ == State::Call) {
    end_call("");
  }
  if (!is_closed_) {
    give(state_, std::exchange(space_, {}));
  }
  return std::exchange(pieces_, {});
}

void AnswerReader::read_marks(bool is_end) {
  while (true) {
    const std::vector<std::string> marks = next_marks();
    const FoundMark found = first_mark(held_, marks);
    const size_t pending = is_end ? 0 : pending_bytes(held_, marks);
    // One that is longer may begin at the same place.
    const bool may_be_longer =
        held_.size() - pending <= found.begin && pending >= found.mark.size();
    if (found.begin == held_.npos || (may_be_longer && pending > 0)) {
      const std::string sure = held_.substr(0, held_.size() - pending);
      held_.erase(0, sure.size());
      take(sure);
      return;
    }
    const std::string before = held_.substr(0, found.begin);
    if (before.find_first_not_of(kWhiteSpace) != before.npos &&
        contains(opening_marks(), found.mark)) {
      held_.erase(0, before.size());
      take(before); // with it the answer has begun: the mark is none
      continue;
    }
    held_.erase(0, found.begin + found.mark.size());
    take(before);
    enter(found.mark);
  }
}

void AnswerReader::take(std::string_view text) {
  if (state_ == State::Call) {
    call_.text += text;
    return;
  }
  if (drops_space_) {
    text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  }
  const size_t last = text.find_last_not_of(kWhiteSpace);
  if (last == text.npos) {
    space_ += text;
    return;
  }
  drops_space_ = false;
  is_closed_ = false;
  give(state_, std::exchange(space_, {}) + std::string(text.substr(0, last + 1)));
  space_ = text.substr(last + 1);
}

void AnswerReader::enter(const std::string& mark) {
  if (state_ == State::Call) {
    const bool is_next = mark == call_.begin; // which ends the one before it
    end_call(is_next ? "" : mark);
    if (is_next) {
      begin_call(mark);
    }
  } else if (state_ == State::Reasoning) {
    state_ = State::Text;
    has_reasoning_ = true;
    end_part();
  } else if (contains(format_.reasoning_begin, mark)) {
    state_ = State::Reasoning;
    end_part();
  } else if (mark == format_.text_begin) {
    is_in_text_marks_ = true;
    end_part();
  } else if (mark == format_.text_end) { // if nothing follows
    if (is_closed_) { // then the one before was none
      take(std::exchange(space_, {}));
    }
    space_ += mark;
    is_closed_ = true;
    drops_space_ = false;
  } else if (contains(format_.separators, mark)) {
    end_part();
  } else {
    begin_call(mark);
  }
}

void AnswerReader::end_part() {
  space_.clear();
  is_closed_ = false;
  drops_space_ = true;
}

void AnswerReader::begin_call(const std::string& mark) {
  state_ = State::Call;
  call_ = {mark, "", std::exchange(space_, {}), drops_space_};
  if (mark == kObjectBegin) {
    std::swap(call_.begin, call_.text);
  }
}

void AnswerReader::end_call(const std::string& mark) {
  OpenCall call = std::exchange(call_, {});
  state_ = State::Text;
  std::vector<ToolCall> calls = read_tool_calls(format_, call.begin, call.text);
  if (calls.empty()) {
    space_ = std::move(call.space);
    drops_space_ = call.drops_space;
    take(call.begin + call.text + mark);
    return;
  }
  for (ToolCall& found : calls) {
    found.id = free_id(std::move(found.id));
    pieces_.push_back({AnswerPiece::Kind::Call, "", std::move(found)});
  }
  end_part();
}

std::string AnswerReader::free_id(std::string id) {
  for (size_t n = ids_.size(); id.empty() || ids_.contains(id); ++n) {
    id = numbered_id(n);
  }
  ids_.insert(id);
  return id;
}

void AnswerReader::give(State state, std::string_view marked) {
  const std::string text = plain_text(marked);
  if (text.empty()) {
    return;
  }
  has_text_ = has_text_ || state != State::Reasoning;
  const auto kind = state == State::Reasoning ? AnswerPiece::Kind::Reasoning
                                              : AnswerPiece::Kind::Text;
  if (!pieces_.empty() && pieces_.back().kind == kind) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back({kind, text, {}});
  }
}

} // namespace omni
