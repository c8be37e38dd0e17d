// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A pattern of a tokenizer.json, text or regular expression, and the search for all of
// its matches. Compiled to machine code where PCRE2 can; the work on one match is
// bounded. Internal: no torch. Patterns are immutable and shared; a PatternScratch
// belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace omni {

// Memory that searches need; reused between them.
class PatternScratch {
 public:
  PatternScratch();
  ~PatternScratch();
  PatternScratch(PatternScratch&&) noexcept;
  PatternScratch& operator=(PatternScratch&&) noexcept;

 private:
  friend class PatternMatches;
  struct State;
  std::unique_ptr<State> state_;
};

class TextPattern {
 public:
  // The text itself, not empty.
  static TextPattern literal(std::string text);
  // An expression as Oniguruma reads it. `file` stands for it in errors. Throws IoError
  // for one that is malformed, ValueError for one that asks for what is not supported.
  static TextPattern expression(std::string_view pattern, const std::string& file);

 private:
  friend class PatternMatches;
  struct Compiled;
  std::string literal_;
  std::shared_ptr<const Compiled> compiled_; // of an expression
};

// The matches in a text from left to right, as Oniguruma's own iterator gives them:
// they do not overlap, and none is empty right after another.
class PatternMatches {
 public:
  // `text` is valid UTF-8. All three must outlive the search.
  PatternMatches(
      const TextPattern& pattern,
      std::string_view text,
      PatternScratch& scratch);

  // Moves to the next match; false when there is none. Throws IoError when the search
  // for it takes too much time or memory.
  [[nodiscard]] bool next();
  [[nodiscard]] size_t begin() const {
    return begin_;
  }
  [[nodiscard]] size_t end() const {
    return end_;
  }

 private:
  [[nodiscard]] bool search();

  const TextPattern& pattern_;
  std::string_view text_;
  PatternScratch::State& state_;
  size_t from_ = 0; // where the next search begins
  bool has_match_ = false;
  size_t begin_ = 0;
  size_t end_ = 0;
};

} // namespace omni
