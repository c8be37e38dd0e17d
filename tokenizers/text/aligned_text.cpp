// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/text/aligned_text.h"

#include <cstddef>
#include <utility>

#include "tokenizers/text/utf8.h"

namespace omni {

AlignedText::AlignedText(std::string_view source, uint32_t offset, bool keeps_track)
    : text_(source), offset_(offset), keeps_track_(keeps_track) {}

ByteRange AlignedText::alignment_of(size_t index) const {
  if (!alignment_.empty()) {
    return alignment_[index];
  }
  size_t begin = index;
  while (begin > 0 && continues_character(text_[begin])) {
    --begin;
  }
  size_t end = index + 1;
  while (end < text_.size() && continues_character(text_[end])) {
    ++end;
  }
  return {offset_ + static_cast<uint32_t>(begin), offset_ + static_cast<uint32_t>(end)};
}

ByteRange AlignedText::source_of(size_t begin, size_t end) const {
  return {alignment_of(begin).begin, alignment_of(end - 1).end};
}

AlignedText AlignedText::part(size_t begin, size_t end) const {
  AlignedText part(
      std::string_view(text_).substr(begin, end - begin),
      offset_ + static_cast<uint32_t>(begin), keeps_track_);
  if (!alignment_.empty() && begin < end) {
    part.offset_ = alignment_[begin].begin;
    part.alignment_.assign(
        alignment_.begin() + static_cast<std::ptrdiff_t>(begin),
        alignment_.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return part;
}

AlignedEdit::AlignedEdit(const AlignedText& from) : from_(from) {
  to_.offset_ = from.offset_;
  to_.keeps_track_ = from.keeps_track_;
  to_.text_.reserve(from.text_.size() + from.text_.size() / 4);
}

void AlignedEdit::copy(size_t begin, size_t end) {
  to_.text_.append(from_.text_, begin, end - begin);
  if (!to_.keeps_track_) {
    return;
  }
  for (size_t i = begin; i < end; ++i) {
    to_.alignment_.push_back(from_.alignment_of(i));
  }
}

void AlignedEdit::insert(std::string_view text, size_t index) {
  to_.text_ += text;
  if (to_.keeps_track_) {
    to_.alignment_.insert(to_.alignment_.end(), text.size(), from_.alignment_of(index));
  }
}

void AlignedEdit::insert_at_start(std::string_view text) {
  to_.text_ += text;
  if (to_.keeps_track_) {
    to_.alignment_.insert(
        to_.alignment_.end(), text.size(), ByteRange{from_.offset_, from_.offset_});
  }
}

AlignedText AlignedEdit::take() {
  return std::move(to_);
}

} // namespace omni
