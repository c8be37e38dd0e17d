// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/split_behavior.h"

#include <array>
#include <string_view>
#include <utility>

namespace omni {

SplitBehavior read_behavior(const TokenizerJsonPart& part) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kNames = {{
      {"Removed", SplitBehavior::Removed},
      {"Isolated", SplitBehavior::Isolated},
      {"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
      {"MergedWithNext", SplitBehavior::MergedWithNext},
      {"Contiguous", SplitBehavior::Contiguous},
  }};
  const std::string behavior = part.fields.string("behavior");
  for (const auto& [name, value] : kNames) {
    if (behavior == name) {
      return value;
    }
  }
  part.fail(
      "with behavior Removed, Isolated, MergedWithPrevious, MergedWithNext or "
      "Contiguous",
      behavior);
}

void WordSplitter::write(ByteRange word) {
  if (word.begin < word.end) {
    words_.push_back(word);
  }
}

void WordSplitter::add(ByteRange part, bool is_match) {
  bool joins = false;
  switch (behavior_) {
    case SplitBehavior::Removed:
      if (!is_match) {
        write(part);
      }
      return;
    case SplitBehavior::Isolated:
      write(part);
      return;
    case SplitBehavior::Contiguous:
      joins = is_match == last_is_match_;
      break;
    case SplitBehavior::MergedWithPrevious:
      joins = is_match && !last_is_match_;
      break;
    case SplitBehavior::MergedWithNext:
      // From the right: a match joins what is no match after it. Two matches in a row
      // stay apart, as the second does not begin with what is no match.
      joins = !is_match && last_is_match_;
      break;
  }
  if (joins && has_pending_) {
    pending_.end = part.end;
  } else {
    if (has_pending_) {
      write(pending_);
    }
    pending_ = part;
    has_pending_ = true;
  }
  last_is_match_ = is_match;
}

void WordSplitter::finish() {
  if (has_pending_) {
    write(pending_);
  }
  has_pending_ = false;
  last_is_match_ = false;
}

} // namespace omni
