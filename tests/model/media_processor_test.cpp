// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/media_processor.h"

#include <ATen/ATen.h>

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

namespace omni {
namespace {

using omni::testing::Contains;
using omni::testing::EndsWith;

constexpr double kRowsPerSecond = 12.5; // of sound, and positions a second
constexpr int64_t kSide = 2; // rows of a frame a side

OmniConfig make_config() {
  return parse_config(testing::tiny_config_json());
}

Waveform make_sound(double seconds) {
  const auto size = static_cast<int64_t>(std::lround(seconds * 16000));
  return {at::sin(at::arange(size, at::kFloat) * 0.05) * 0.3, 16000, "sound"};
}

VideoClip make_clip(const std::vector<double>& times) {
  VideoClip clip;
  const auto count = static_cast<int64_t>(times.size());
  clip.frames = at::zeros({count, 16, 16, 3}, at::kByte);
  clip.times_seconds = at::tensor(times, at::kDouble);
  clip.duration_seconds = times.back() - times.front() + 0.5;
  return clip;
}

// What row_order and positions must be: chunk by chunk of a second, frames first.
struct Expected {
  std::vector<int64_t> order;
  std::vector<std::array<double, 3>> positions;
};

Expected lay_out(
    const std::vector<double>& frame_times,
    int64_t num_sound_rows,
    double sound_begin) {
  Expected expected;
  const auto num_frames = static_cast<int64_t>(frame_times.size());
  for (int64_t chunk = 0; chunk < 100; ++chunk) {
    for (int64_t frame = 0; frame < num_frames; ++frame) {
      const double time = frame_times[static_cast<size_t>(frame)];
      for (int64_t cell = 0; std::floor(time) == chunk && cell < kSide * kSide;
           ++cell) {
        expected.order.push_back(frame * kSide * kSide + cell);
        const double t = time * kRowsPerSecond;
        expected.positions.push_back(
            {t, t + static_cast<double>(cell / kSide),
             t + static_cast<double>(cell % kSide)});
      }
    }
    for (int64_t row = 0; row < num_sound_rows; ++row) {
      const double time =
          std::max(0.0, sound_begin + static_cast<double>(row) / kRowsPerSecond);
      if (std::floor(time + 1e-9) == chunk) {
        expected.order.push_back(num_frames * kSide * kSide + row);
        const double t = time * kRowsPerSecond;
        expected.positions.push_back({t, t, t});
      }
    }
  }
  return expected;
}

void check_layout(const ProcessedMedia& media, const Expected& expected) {
  CHECK(media.row_order == expected.order);
  REQUIRE(media.num_rows == static_cast<int64_t>(expected.positions.size()));
  for (int64_t row = 0; row < media.num_rows; ++row) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      INFO("row " << row << " axis " << axis);
      CHECK(
          media.positions[row][axis].item<double>() ==
          Approx(
              expected.positions[static_cast<size_t>(row)][static_cast<size_t>(axis)])
              .margin(1e-4));
    }
  }
}

} // namespace

TEST_CASE("a picture is its grid at one time") {
  const MediaProcessor processor(make_config());
  const ProcessedMedia media =
      processor.process(Image{at::zeros({20, 50, 3}, at::kByte), "picture"});
  CHECK(media.modality == Modality::Image);
  check_layout(media, lay_out({0.0}, 0, 0.0));
  CHECK(media.dropped.empty());
  CHECK_FALSE(media.mel.defined());
}

TEST_CASE("sound is a line in time") {
  const MediaProcessor processor(make_config());
  const ProcessedMedia media = processor.process(make_sound(1.6));
  CHECK(media.modality == Modality::Audio);
  CHECK(media.num_rows == 20);
  check_layout(media, lay_out({}, 20, 0.0));
  CHECK(media.seconds_heard == Approx(1.6));
}

TEST_CASE("frames and soundtrack of a video are merged second by second") {
  const MediaProcessor processor(make_config());
  const std::vector<double> times = {0.0, 0.5, 1.0, 1.5, 2.0, 2.5};
  VideoClip clip = make_clip(times);
  // In step, later, and begun before the first frame.
  const double begin = GENERATE(0.0, 0.4, 1.36, -0.3);
  clip.audio = make_sound(2.4);
  clip.audio_start_seconds = begin;
  const ProcessedMedia media = processor.process(clip);
  REQUIRE(media.frame_times_seconds == times);
  CHECK(media.audio_start_seconds == begin);
  const int64_t num_sound_rows = media.num_rows - 6 * kSide * kSide;
  CHECK(num_sound_rows == 30);
  check_layout(media, lay_out(times, num_sound_rows, begin));
  // Rows are in order of time, to the second.
  int64_t last = 0;
  for (int64_t row = 0; row < media.num_rows; ++row) {
    const auto second = static_cast<int64_t>(
        media.positions[row][0].item<double>() / kRowsPerSecond + 1e-6);
    CHECK(second >= last);
    last = second;
  }
}

TEST_CASE("a clip from the middle of a film begins at zero") {
  const MediaProcessor processor(make_config());
  VideoClip clip = make_clip({100.0, 100.5, 101.0, 101.5});
  clip.audio = make_sound(1.0);
  clip.audio_start_seconds = 100.8;
  const ProcessedMedia media = processor.process(clip);
  CHECK(media.audio_start_seconds == Approx(0.8));
  check_layout(media, lay_out({0.0, 0.5, 1.0, 1.5}, media.num_rows - 16, 0.8));
}

TEST_CASE("what is not read is said") {
  OmniConfig config = make_config();
  config.audio->max_seconds = 1.0;
  const ProcessedMedia sound = MediaProcessor(config).process(make_sound(2.5));
  CHECK(sound.seconds_heard == Approx(1.0));
  CHECK_THAT(sound.dropped, Contains("Sound after 1 s of 2.5 s"));
  config.audio.reset();
  VideoClip clip = make_clip({0.0, 0.5});
  clip.audio = make_sound(1.0);
  const ProcessedMedia mute = MediaProcessor(config).process(clip);
  CHECK_THAT(mute.dropped, EndsWith("The soundtrack: the model does not read sound."));
  CHECK(mute.num_rows == 2 * kSide * kSide);
  std::vector<double> many;
  for (int i = 0; i < 40; ++i) {
    many.push_back(i * 0.5);
  }
  const ProcessedMedia sampled = MediaProcessor(config).process(make_clip(many));
  CHECK(sampled.images.size() == 8);
  CHECK_FALSE(sampled.dropped.empty());
}

TEST_CASE("a model without eyes or ears says so") {
  OmniConfig config = make_config();
  config.vision.reset();
  config.audio.reset();
  config.image_codec.reset();
  config.vocoder.reset();
  config.name = "plain";
  const MediaProcessor processor(config);
  const Image picture{at::zeros({8, 8, 3}, at::kByte), "p"};
  CHECK_THROWS_WITH(
      processor.process(picture),
      Contains("expected a model that reads pictures, got \"plain\""));
  CHECK_THROWS_WITH(
      processor.process(make_sound(1.0)), Contains("reads sound, got \"plain\""));
  CHECK_THROWS_WITH(
      processor.process(make_clip({0.0})), Contains("reads pictures, got \"plain\""));
  CHECK_THROWS_WITH(
      processor.codec_pixels(picture), Contains("that draws, got \"plain\""));
  CHECK_THROWS_WITH(
      processor.codec_mel(make_sound(1.0)), Contains("that speaks, got \"plain\""));
}

TEST_CASE("codecs read pixels in [-1, 1] and the vocoder's log-mel") {
  const MediaProcessor processor(make_config());
  at::Tensor pixels = at::zeros({16, 16, 3}, at::kByte);
  pixels.select(2, 0).fill_(255);
  const at::Tensor read = processor.codec_pixels({pixels, "p"});
  REQUIRE(read.sizes() == at::IntArrayRef({3, 16, 16}));
  CHECK(read[0].eq(1.0).all().item<bool>());
  CHECK(read[1].eq(-1.0).all().item<bool>());
  const at::Tensor mel = processor.codec_mel(make_sound(0.5));
  CHECK(mel.size(1) == 16);
  CHECK(mel.size(0) >= 50);
}

} // namespace omni
