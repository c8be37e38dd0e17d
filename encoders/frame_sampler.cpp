// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/frame_sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace omni {
namespace {

// `count` of `total` indices, evenly from the first to the last; the middle one when
// only one is asked for.
std::vector<int64_t> evenly(int64_t total, int64_t count) {
  std::vector<int64_t> indices;
  indices.reserve(static_cast<size_t>(count));
  if (count == 1) {
    return {(total - 1) / 2};
  }
  for (int64_t i = 0; i < count; ++i) {
    // Rounded to nearest in whole numbers: no dependence on the float unit.
    indices.push_back((2 * i * (total - 1) + (count - 1)) / (2 * (count - 1)));
  }
  return indices;
}

// The frame nearest to each instant begin + k / rate, each frame once.
std::vector<int64_t> at_rate(const std::vector<double>& times, double rate) {
  std::vector<int64_t> indices;
  const double begin = times.front();
  // Half of a microsecond: times are rounded when a container stores them.
  const double end = times.back() + 5e-7;
  const auto num_frames = static_cast<int64_t>(times.size());
  int64_t frame = 0;
  for (int64_t k = 0;; ++k) {
    const double instant = begin + static_cast<double>(k) / rate;
    if (instant > end) {
      break;
    }
    while (frame + 1 < num_frames &&
           std::abs(times[static_cast<size_t>(frame + 1)] - instant) <
               std::abs(times[static_cast<size_t>(frame)] - instant)) {
      ++frame;
    }
    if (indices.empty() || indices.back() != frame) {
      indices.push_back(frame);
    }
    if (frame + 1 == num_frames) {
      break;
    }
  }
  return indices;
}

} // namespace

FrameSampler::FrameSampler(FrameSamplerOptions options) : options_(options) {
  TORCH_CHECK_VALUE(
      std::isfinite(options.frames_per_second) && options.frames_per_second > 0,
      "[frame_sampler] expected a positive frames_per_second, got ",
      options.frames_per_second, ".");
  TORCH_CHECK_VALUE(
      options.min_frames >= 1 && options.max_frames >= options.min_frames,
      "[frame_sampler] expected 1 <= min_frames <= max_frames, got ",
      options.min_frames, " and ", options.max_frames, ".");
}

SampledFrames FrameSampler::sample(const VideoClip& clip) const {
  check_video(clip, "frame_sampler");
  const at::Tensor times_N = clip.times_seconds.cpu().contiguous();
  const auto* data = times_N.const_data_ptr<double>();
  const std::vector<double> times(data, data + times_N.numel());
  for (size_t i = 0; i < times.size(); ++i) {
    TORCH_CHECK_VALUE(
        std::isfinite(times[i]) && (i == 0 || times[i] > times[i - 1]),
        "[frame_sampler] expected increasing times_seconds, got ", times[i],
        " at frame ", i, ".");
  }
  const auto num_frames = static_cast<int64_t>(times.size());

  SampledFrames sampled;
  sampled.indices = at_rate(times, options_.frames_per_second);
  const auto num_wanted = static_cast<int64_t>(sampled.indices.size());
  if (num_wanted > options_.max_frames) {
    std::vector<int64_t> subset = evenly(num_wanted, options_.max_frames);
    for (int64_t& index : subset) {
      index = sampled.indices[static_cast<size_t>(index)];
    }
    sampled.indices = std::move(subset);
  } else if (num_wanted < options_.min_frames) {
    sampled.indices = evenly(num_frames, std::min(options_.min_frames, num_frames));
  }
  for (const int64_t index : sampled.indices) {
    sampled.times_seconds.push_back(times[static_cast<size_t>(index)]);
  }

  const auto num_used = static_cast<int64_t>(sampled.indices.size());
  const int64_t total = std::max(num_frames, clip.num_frames_in_file);
  if (num_used < total) {
    std::ostringstream sentence;
    sentence << total - num_used << " of " << total << " frames: ";
    if (num_wanted > options_.max_frames) {
      sentence << "the model reads at most " << options_.max_frames
               << " frames of a clip.";
    } else {
      sentence << "the model reads " << options_.frames_per_second
               << " frames a second.";
    }
    sampled.dropped = sentence.str();
  }
  return sampled;
}

} // namespace omni
