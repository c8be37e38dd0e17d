// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/video_sampling.h"

#include <cmath>
#include <numeric>

namespace omni {

namespace {

// Matroska rounds time stamps to a millisecond: a frame that is half of one late is
// still on time.
constexpr double kOnTimeSeconds = 0.6e-3;

std::vector<size_t> at_rate(
    const std::vector<double>& times,
    double begin_seconds,
    double frames_per_second) {
  // The first tick at which a frame that appears then is seen. A frame is kept when the
  // next one has a later tick.
  const auto first_tick = [&](double seconds) {
    return std::ceil(
        (seconds - kOnTimeSeconds - begin_seconds) * frames_per_second - 1e-9);
  };
  // The last frame stays as long as the one before it did.
  const double last_span = times.size() > 1 ? times.back() - times[times.size() - 2]
                                            : 1.0 / frames_per_second;
  std::vector<size_t> kept = {0};
  for (size_t i = 1; i < times.size(); ++i) {
    const double next = i + 1 < times.size() ? times[i + 1] : times.back() + last_span;
    if (first_tick(times[i]) < first_tick(next)) {
      kept.push_back(i);
    }
  }
  return kept;
}

} // namespace

std::vector<size_t> plan_frames(
    const std::vector<double>& times,
    double begin_seconds,
    std::optional<double> frames_per_second,
    std::optional<int64_t> max_frames) {
  std::vector<size_t> kept(times.size());
  std::iota(kept.begin(), kept.end(), size_t{0});
  if (frames_per_second) {
    kept = at_rate(times, begin_seconds, *frames_per_second);
  }
  const auto limit = static_cast<size_t>(max_frames.value_or(INT64_MAX));
  if (kept.size() <= limit) {
    return kept;
  }
  if (limit == 1) {
    return {kept[(kept.size() - 1) / 2]};
  }
  std::vector<size_t> thinned(limit);
  const double step =
      static_cast<double>(kept.size() - 1) / static_cast<double>(limit - 1);
  for (size_t i = 0; i < limit; ++i) {
    thinned[i] = kept[static_cast<size_t>(std::llround(static_cast<double>(i) * step))];
  }
  return thinned;
}

} // namespace omni
