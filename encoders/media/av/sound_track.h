// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Decodes one sound stream to mono float32: the mean of its channels, at its own rate.
// With a clock, samples sit where their time stamps say: gaps become silence, overlaps
// are cut, and what lies outside of the requested range is not kept.
#pragma once

#include <limits>
#include <vector>

#include "encoders/media/av/decoder.h"

namespace omni::av {

struct SoundTrackOptions {
  bool is_clocked = false;
  // On the time line of the container; only with a clock.
  double begin_seconds = -std::numeric_limits<double>::infinity();
  double end_seconds = std::numeric_limits<double>::infinity();
};

struct MonoTrack {
  std::vector<float> samples;
  int64_t sample_rate_hz = 0; // 0: no sample was decoded
  double start_seconds = 0.0; // of the first sample, on the container's time line
};

// Reads the source to its end or past the range; its other streams are lost to it.
[[nodiscard]] MonoTrack read_sound_track(
    Source& source,
    const SoundTrackOptions& options);

} // namespace omni::av
