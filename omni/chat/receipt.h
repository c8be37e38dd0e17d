// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What became of each input of an answer: what was read, what the model saw of it, what
// was left out and why. Nothing is dropped silently. Plain values.
#pragma once

#include <string>
#include <vector>

#include "omni/conversation/message.h"
#include "omni/model/media_processor.h"
#include "omni/model/token_sequence.h"

namespace omni {

struct MediaReceipt {
  Modality modality = Modality::Image;
  std::string source; // path, "bytes" or empty
  int64_t height = 0; // decoded size in pixels; 0 for sound
  int64_t width = 0;
  int64_t num_frames = 0; // frames given to the model
  std::vector<double> frame_times_seconds; // of those frames, from the clip's begin
  int64_t sample_rate_hz = 0; // as decoded; 0 without sound
  double seconds_heard = 0.0;
  int64_t token_begin = 0; // [begin, end) of its rows in the sequence
  int64_t token_end = 0;
  double encode_seconds = 0.0; // 0 when `was_cached`
  bool was_cached = false; // rows were reused from an earlier turn
  std::string dropped; // empty, or sentences: what and why
};

// Of an input as it was decoded and processed; what encoding and composing it tell is
// left open.
[[nodiscard]] MediaReceipt receipt_of(const Part& part, const ProcessedMedia& media);

// One line for people: `picture cat.png 640x480 → tokens 3..19, 4.1 ms`.
[[nodiscard]] std::string describe(const MediaReceipt& receipt);

struct Usage {
  int64_t prompt_tokens = 0; // of the whole sequence before the answer
  int64_t prefilled_tokens = 0; // of those, computed for this answer
  int64_t answer_tokens = 0;
};

struct Timing { // seconds
  double encode = 0.0; // media into rows
  double prefill = 0.0; // from then until the first id: the prompt
  double generate = 0.0; // ids, pictures and sound
  double total = 0.0;
};

} // namespace omni
