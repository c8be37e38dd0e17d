// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The one id range [0, V) of a model, cut into segments: text, control, spelling,
// image codes, speech codes. What an id means is which segment it falls in; sampling
// is restricted by segments. A plain value, filled from the model's configuration.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace omni {

enum class Segment { Text, Control, Spelling, Image, Speech };

[[nodiscard]] const char* segment_name(Segment segment); // "text", "control", …
[[nodiscard]] Segment segment_from_name(const std::string& name); // or ValueError

// Half-open range of ids.
struct IdRange {
  int64_t begin = 0;
  int64_t end = 0;

  [[nodiscard]] int64_t size() const {
    return end - begin;
  }
  [[nodiscard]] bool contains(int64_t id) const {
    return id >= begin && id < end;
  }
  bool operator==(const IdRange&) const = default;
};

// Ids with a meaning of their own, by role. Names are ours, whatever a checkpoint's
// tokenizer calls them; a model without, say, pictures lacks those entries.
//   bos, eos, pad, null (stands for a dropped prompt), user, assistant, system,
//   image_begin, image_end, audio_begin, audio_end, video_begin, video_end (input),
//   image_slot, audio_slot (placeholder under a media row; never sampled),
//   draw_begin, draw_end (image codes), speech_begin, speech_next, speech_end
using ControlIds = std::map<std::string, int64_t>;

class TokenSpace {
 public:
  TokenSpace() = default;
  // Throws ValueError when segments are empty, overlap or leave [0, vocab_size), or a
  // control id is outside it or inside the spelling, image or speech segment. Text may
  // enclose control ids (published tokenizers do that).
  TokenSpace(
      int64_t vocab_size,
      std::map<Segment, IdRange> segments,
      ControlIds control_ids);

  [[nodiscard]] int64_t vocab_size() const {
    return vocab_size_;
  }
  [[nodiscard]] bool has(Segment segment) const;
  [[nodiscard]] IdRange range(Segment segment) const; // ValueError if absent
  // A control id, also one inside the text segment, and an id of no segment (padding
  // of the vocabulary) count as Control. std::out_of_range outside [0, vocab_size).
  [[nodiscard]] Segment segment_of(int64_t id) const;
  [[nodiscard]] bool has_control(const std::string& role) const;
  [[nodiscard]] int64_t control(const std::string& role) const; // ValueError if absent
  [[nodiscard]] const std::map<Segment, IdRange>& segments() const {
    return segments_;
  }
  [[nodiscard]] const ControlIds& control_ids() const {
    return control_ids_;
  }

 private:
  int64_t vocab_size_ = 0;
  std::map<Segment, IdRange> segments_;
  ControlIds control_ids_;
};

} // namespace omni
