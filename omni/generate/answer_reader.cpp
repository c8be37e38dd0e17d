// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/answer_reader.h"

#include <algorithm>
#include <utility>

#include "omni/generate/pending_text.h"

namespace omni {
namespace {

constexpr const char* kWhiteSpace = " \t\r\n";

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

} // namespace

AnswerReader::AnswerReader(AnswerFormat format, bool begins_in_reasoning)
    : format_(std::move(format)),
      state_(begins_in_reasoning ? State::Reasoning : State::Text),
      drops_space_(begins_in_reasoning) {}

std::vector<std::string> AnswerReader::next_marks() const {
  std::vector<std::string> marks;
  const auto add = [&](const std::string& mark) {
    if (!mark.empty()) {
      marks.push_back(mark);
    }
  };
  switch (state_) {
    case State::Text:
      marks = format_.separators;
      if (!has_text_) { // in the midst of an answer the mark is spoken of
        add(format_.reasoning_begin);
      }
      add(format_.call_begin);
      break;
    case State::Reasoning:
      add(format_.reasoning_end);
      break;
    case State::Call:
      add(format_.call_end);
      break;
  }
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
  } else {
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
    const bool opens_reasoning =
        state_ == State::Text && found.mark == format_.reasoning_begin;
    if (opens_reasoning && before.find_first_not_of(kWhiteSpace) != before.npos) {
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
    call_ += text;
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
  give(state_, std::exchange(space_, {}) + std::string(text.substr(0, last + 1)));
  space_ = text.substr(last + 1);
}

void AnswerReader::enter(const std::string& mark) {
  if (state_ == State::Call) {
    end_call(mark);
  } else if (state_ == State::Text && mark == format_.call_begin) {
    state_ = State::Call;
  } else if (state_ == State::Text && mark == format_.reasoning_begin) {
    state_ = State::Reasoning;
  } else {
    state_ = State::Text;
  }
  space_.clear();
  drops_space_ = true;
}

void AnswerReader::end_call(const std::string& mark) {
  const std::string text = std::exchange(call_, {});
  state_ = State::Text;
  const std::vector<ToolCall> calls = read_tool_calls(format_, text, num_calls_);
  if (calls.empty()) {
    give(State::Text, format_.call_begin + text + mark);
  }
  for (const ToolCall& call : calls) {
    ++num_calls_;
    pieces_.push_back({AnswerPiece::Kind::Call, "", call});
  }
}

void AnswerReader::give(State state, std::string_view text) {
  if (text.empty()) {
    return;
  }
  has_text_ = has_text_ || state != State::Reasoning;
  const auto kind = state == State::Reasoning ? AnswerPiece::Kind::Reasoning
                                              : AnswerPiece::Kind::Text;
  if (!pieces_.empty() && pieces_.back().kind == kind) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back({kind, std::string(text), {}});
  }
}

} // namespace omni
