// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/frame_sampler.h"

#include <ATen/ATen.h>

#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using Indices = std::vector<int64_t>;

namespace {

VideoClip clip_at(const std::vector<double>& times) {
  VideoClip clip;
  clip.times_seconds = at::tensor(times, at::kDouble);
  clip.frames = at::zeros({clip.times_seconds.size(0), 2, 2, 3}, at::kByte);
  return clip;
}

VideoClip steady(int64_t num_frames, double rate, double begin = 0.0) {
  std::vector<double> times;
  for (int64_t i = 0; i < num_frames; ++i) {
    times.push_back(begin + static_cast<double>(i) / rate);
  }
  return clip_at(times);
}

} // namespace

TEST_CASE("frames nearest to every half second are chosen", "[frame_sampler]") {
  const FrameSampler sampler{FrameSamplerOptions{}};
  const SampledFrames sampled = sampler.sample(steady(75, 25.0, 10.0));
  CHECK(sampled.indices == Indices{0, 12, 25, 37, 50, 62});
  REQUIRE(sampled.times_seconds.size() == 6);
  CHECK(sampled.times_seconds[1] == 10.0 + 12 / 25.0);
  CHECK(sampled.dropped == "69 of 75 frames: the model reads 2 frames a second.");
  // 29.97 frames a second: 14.985 lies nearest to 15.
  CHECK(sampler.sample(steady(46, 30000.0 / 1001)).indices == Indices{0, 15, 30, 45});
}

TEST_CASE("a clip that already has the rate is kept whole", "[frame_sampler]") {
  const FrameSampler sampler{FrameSamplerOptions{}};
  const SampledFrames sampled = sampler.sample(steady(7, 2.0, 3.25));
  CHECK(sampled.indices == Indices{0, 1, 2, 3, 4, 5, 6});
  CHECK(sampled.dropped.empty());
  // Slower than asked for: each frame once.
  CHECK(sampler.sample(steady(4, 0.7)).indices == Indices{0, 1, 2, 3});
  CHECK(sampler.sample(steady(1, 1.0)).indices == Indices{0});
  // What the reader left out of the file is told too.
  VideoClip thinned = steady(7, 2.0);
  thinned.num_frames_in_file = 90;
  CHECK_THAT(sampler.sample(thinned).dropped, Contains("83 of 90 frames"));
}

TEST_CASE("uneven times are honoured", "[frame_sampler]") {
  const FrameSampler sampler{FrameSamplerOptions{}};
  const SampledFrames sampled =
      sampler.sample(clip_at({0.0, 0.1, 0.2, 0.45, 0.9, 2.0, 2.01, 2.5}));
  // Instants 0, 0.5, 1, 1.5, 2, 2.5; at 1.5 frame 0.9 is 0.6 away and 2.0 only 0.5.
  CHECK(sampled.indices == Indices{0, 3, 4, 5, 7});
}

TEST_CASE("too many frames become an even subset", "[frame_sampler]") {
  FrameSamplerOptions options;
  options.max_frames = 4;
  const SampledFrames sampled = FrameSampler(options).sample(steady(21, 2.0));
  CHECK(sampled.indices == Indices{0, 7, 13, 20});
  CHECK(
      sampled.dropped ==
      "17 of 21 frames: the model reads at most 4 frames of a clip.");
  options.max_frames = 1;
  CHECK(FrameSampler(options).sample(steady(21, 2.0)).indices == Indices{10});
}

TEST_CASE("a short clip gives at least min_frames if it has them", "[frame_sampler]") {
  FrameSamplerOptions options;
  options.min_frames = 4;
  CHECK(FrameSampler(options).sample(steady(10, 25.0)).indices == Indices{0, 3, 6, 9});
  CHECK(FrameSampler(options).sample(steady(3, 25.0)).indices == Indices{0, 1, 2});
}

TEST_CASE("any clip: increasing, within limits, repeatable", "[frame_sampler]") {
  for (int64_t num_frames = 1; num_frames < 60; ++num_frames) {
    for (const double rate : {1.0, 7.3, 24.0, 120.0}) {
      FrameSamplerOptions options;
      options.frames_per_second = 3.0;
      options.min_frames = 2;
      const SampledFrames sampled =
          FrameSampler(options).sample(steady(num_frames, rate));
      const auto count = static_cast<int64_t>(sampled.indices.size());
      CAPTURE(num_frames, rate);
      CHECK(count >= std::min<int64_t>(2, num_frames));
      CHECK(count <= 8);
      CHECK(sampled.dropped.empty() == (count == num_frames));
      for (int64_t i = 1; i < count; ++i) {
        const auto at = static_cast<size_t>(i);
        CHECK(sampled.indices[at] > sampled.indices[at - 1]);
      }
      CHECK(sampled.indices.back() < num_frames);
    }
  }
}

TEST_CASE("FrameSampler says what is wrong", "[frame_sampler]") {
  FrameSamplerOptions options;
  options.frames_per_second = 0.0;
  CHECK_THROWS_WITH(
      FrameSampler(options), Contains("[frame_sampler] expected a positive"));
  options.frames_per_second = 1.0;
  options.min_frames = 9;
  CHECK_THROWS_WITH(
      FrameSampler(options), Contains("1 <= min_frames <= max_frames, got 9 and 8"));
  const FrameSampler sampler{FrameSamplerOptions{}};
  CHECK_THROWS_WITH(
      sampler.sample(clip_at({0.0, 0.5, 0.5})),
      Contains("expected increasing times_seconds, got 0.5 at frame 2"));
  CHECK_THROWS_WITH(
      sampler.sample(clip_at({0.0, NAN})), Contains("got nan at frame 1"));
}
