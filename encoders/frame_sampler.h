// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Chooses which frames of a clip the model sees. Deterministic. What is left out is
// reported, never silent.
#pragma once

#include <string>
#include <vector>

#include "omni/core/media.h"

namespace omni {

struct FrameSamplerOptions {
  double frames_per_second = 2.0;
  int64_t min_frames = 1;
  int64_t max_frames = 8;
};

struct SampledFrames {
  std::vector<int64_t> indices; // into clip.frames, increasing
  std::vector<double> times_seconds; // of those frames
  std::string dropped; // empty, or one sentence: what was left out and why
};

class FrameSampler {
 public:
  explicit FrameSampler(FrameSamplerOptions options);
  [[nodiscard]] SampledFrames sample(const VideoClip& clip) const;
  [[nodiscard]] const FrameSamplerOptions& options() const {
    return options_;
  }

 private:
  FrameSamplerOptions options_;
};

} // namespace omni
