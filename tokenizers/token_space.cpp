// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tokenizers/token_space.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "omni/core/errors.h"

namespace omni {
namespace {

constexpr std::array<std::pair<Segment, const char*>, 5> kNames = {{
    {Segment::Text, "text"},
    {Segment::Control, "control"},
    {Segment::Spelling, "spelling"},
    {Segment::Image, "image"},
    {Segment::Speech, "speech"},
}};

std::string to_text(const IdRange& range) {
  std::string text("[");
  text += std::to_string(range.begin);
  text += ", ";
  text += std::to_string(range.end);
  text += ")";
  return text;
}

[[noreturn]] void fail(const std::string& message) {
  throw ValueError("token_space", message);
}

} // namespace

const char* segment_name(Segment segment) {
  for (const auto& [known, name] : kNames) {
    if (known == segment) {
      return name;
    }
  }
  return "unknown";
}

Segment segment_from_name(const std::string& name) {
  for (const auto& [segment, known] : kNames) {
    if (known == name) {
      return segment;
    }
  }
  fail(
      "expected a segment text, control, spelling, image or speech, got \"" + name +
      "\".");
}

TokenSpace::TokenSpace(
    int64_t vocab_size,
    std::map<Segment, IdRange> segments,
    ControlIds control_ids)
    : vocab_size_(vocab_size),
      segments_(std::move(segments)),
      control_ids_(std::move(control_ids)) {
  if (vocab_size_ <= 0) {
    fail(
        "expected a vocabulary of at least 1 id, got " + std::to_string(vocab_size_) +
        ".");
  }
  for (const auto& [segment, range] : segments_) {
    if (range.begin < 0 || range.begin >= range.end || range.end > vocab_size_) {
      fail(
          "expected segment `" + std::string(segment_name(segment)) +
          "` a range of ids inside [0, " + std::to_string(vocab_size_) + "), got " +
          to_text(range) + ".");
    }
    for (const auto& [other, taken] : segments_) {
      if (other < segment && range.begin < taken.end && taken.begin < range.end) {
        fail(
            "expected segments apart, got `" + std::string(segment_name(other)) + "` " +
            to_text(taken) + " and `" + segment_name(segment) + "` " + to_text(range) +
            ".");
      }
    }
  }
  for (const auto& [role, id] : control_ids_) {
    if (id < 0 || id >= vocab_size_) {
      fail(
          "expected control id `" + role + "` inside [0, " +
          std::to_string(vocab_size_) + "), got " + std::to_string(id) + ".");
    }
    for (const Segment segment : {Segment::Spelling, Segment::Image, Segment::Speech}) {
      if (has(segment) && range(segment).contains(id)) {
        fail(
            "expected control id `" + role + "` outside the " + segment_name(segment) +
            " segment " + to_text(range(segment)) + ", got " + std::to_string(id) +
            ".");
      }
    }
  }
}

bool TokenSpace::has(Segment segment) const {
  return segments_.contains(segment);
}

IdRange TokenSpace::range(Segment segment) const {
  const auto found = segments_.find(segment);
  if (found == segments_.end()) {
    fail(
        std::string("expected a model with the segment `") + segment_name(segment) +
        "`, got one without.");
  }
  return found->second;
}

Segment TokenSpace::segment_of(int64_t id) const {
  if (id < 0 || id >= vocab_size_) {
    throw std::out_of_range(
        "[token_space] expected an id in [0, " + std::to_string(vocab_size_) +
        "), got " + std::to_string(id) + ".");
  }
  for (const auto& [role, control] : control_ids_) {
    if (control == id) {
      return Segment::Control;
    }
  }
  for (const auto& [segment, range] : segments_) {
    if (range.contains(id)) {
      return segment;
    }
  }
  return Segment::Control;
}

bool TokenSpace::has_control(const std::string& role) const {
  return control_ids_.contains(role);
}

int64_t TokenSpace::control(const std::string& role) const {
  const auto found = control_ids_.find(role);
  if (found == control_ids_.end()) {
    fail("expected a model with the control id `" + role + "`, got one without.");
  }
  return found->second;
}

} // namespace omni
