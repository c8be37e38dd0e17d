// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A text on its way through normalisers and pre-tokenizers, and for each of its bytes
// the range of source bytes it came from (always whole characters). Keeping track is
// optional: ids alone do not need it. Internal: value types, no torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni {

struct ByteRange {
  uint32_t begin = 0; // half-open
  uint32_t end = 0;

  [[nodiscard]] uint32_t size() const {
    return end - begin;
  }
};

class AlignedText {
 public:
  AlignedText() = default;
  // `source` is valid UTF-8 that begins at byte `offset` of the whole source.
  AlignedText(std::string_view source, uint32_t offset, bool keeps_track);

  [[nodiscard]] const std::string& text() const {
    return text_;
  }
  // Source bytes of the non-empty range [begin, end) of text(). Exact when it keeps
  // track or nothing was changed.
  [[nodiscard]] ByteRange source_of(size_t begin, size_t end) const;

  // A part of text() as a text of its own.
  [[nodiscard]] AlignedText part(size_t begin, size_t end) const;

 private:
  friend class AlignedEdit;
  [[nodiscard]] ByteRange alignment_of(size_t index) const;

  std::string text_;
  uint32_t offset_ = 0;
  bool keeps_track_ = false;
  // Of each byte of text_; empty: byte i is byte offset_ + i of the source.
  std::vector<ByteRange> alignment_;
};

// Writes the changed form of a text from left to right.
class AlignedEdit {
 public:
  explicit AlignedEdit(const AlignedText& from);

  // The range [begin, end) of the old text as it is.
  void copy(size_t begin, size_t end);
  // New text that takes the place of the old text's byte `index`.
  void insert(std::string_view text, size_t index);
  // New text that comes from nowhere: before all else.
  void insert_at_start(std::string_view text);

  [[nodiscard]] size_t size() const {
    return to_.text_.size();
  }
  // The character at `begin` of what was written so far is the first of the text.
  [[nodiscard]] const std::string& written() const {
    return to_.text_;
  }
  [[nodiscard]] AlignedText take();

 private:
  const AlignedText& from_;
  AlignedText to_;
};

} // namespace omni
