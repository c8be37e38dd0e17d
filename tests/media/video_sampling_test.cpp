// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/video_sampling.h"

#include <cmath>

#include "tests/support/catch.h"

using omni::plan_frames;

namespace {

std::vector<double> evenly(size_t count, double frames_per_second, double start = 0) {
  std::vector<double> times;
  for (size_t i = 0; i < count; ++i) {
    times.push_back(start + static_cast<double>(i) / frames_per_second);
  }
  return times;
}

using Indices = std::vector<size_t>;

} // namespace

TEST_CASE("without options every frame is kept") {
  CHECK(plan_frames({0.0}, 0, {}, {}) == Indices{0});
  CHECK(plan_frames(evenly(4, 25), 0, {}, {}) == Indices{0, 1, 2, 3});
}

TEST_CASE("a rate keeps the frame on screen at each tick") {
  CHECK(plan_frames(evenly(25, 25), 0, 5.0, {}) == Indices{0, 5, 10, 15, 20});
  // 29.97 frames a second: the frame before the tick is on screen.
  const auto ntsc = plan_frames(evenly(90, 30000.0 / 1001), 0, 1.0, {});
  CHECK(ntsc == Indices{0, 29, 59, 89});
  // Never the same frame twice.
  CHECK(plan_frames(evenly(3, 2), 0, 100.0, {}) == Indices{0, 1, 2});
  // A long still is kept once; the frame after it is on screen at 5.
  CHECK(plan_frames({0, 0.5, 1, 4.5, 5.2}, 0, 1.0, {}) == Indices{0, 2, 3});
  // The grid starts at the beginning of the range.
  CHECK(plan_frames(evenly(10, 10, 1.0), 1.0, 2.0, {}) == Indices{0, 5});
  CHECK(plan_frames(evenly(10, 10, 1.05), 1.0, 2.0, {}) == Indices{0, 4, 9});
}

TEST_CASE("the file's own rate keeps every frame, however its times are rounded") {
  for (const double rate : {23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0}) {
    CAPTURE(rate);
    std::vector<double> times = evenly(500, rate);
    CHECK(plan_frames(times, 0, rate, {}).size() == 500);
    for (double& time : times) {
      time = std::round(time * 1000) / 1000; // Matroska
    }
    CHECK(plan_frames(times, 0, rate, {}).size() == 500);
  }
}

TEST_CASE("max_frames thins evenly and keeps both ends") {
  CHECK(plan_frames(evenly(9, 25), 0, {}, 3) == Indices{0, 4, 8});
  CHECK(plan_frames(evenly(10, 25), 0, {}, 4) == Indices{0, 3, 6, 9});
  CHECK(plan_frames(evenly(9, 25), 0, {}, 1) == Indices{4});
  CHECK(plan_frames(evenly(2, 25), 0, {}, 5) == Indices{0, 1});
  CHECK(plan_frames(evenly(100, 25), 0, 5.0, 3) == Indices{0, 50, 95});
}
