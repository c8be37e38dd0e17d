// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/video_io.h"

#include <array>
#include <cmath>
#include <sstream>

#include <ATen/ATen.h>

#include "encoders/media/audio_io.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::test::decode_frames;
using omni::test::ffmpeg;
using omni::test::probe_frame_times;
using omni::test::read_bytes;
using omni::test::run_program;
using omni::test::TemporaryFolder;

namespace {

// A moving picture and a tone.
const std::string kPicture = "-f lavfi -i testsrc=size=64x48:rate=25:duration=2 ";
const std::string kSound =
    "-f lavfi -i 'aevalsrc=0.5*sin(440*2*PI*t)|0.3*cos(500*2*PI*t):s=48000:d=2' ";
const std::string kX264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p ";

std::string quoted(const std::filesystem::path& path) {
  return " '" + path.string() + "' ";
}

void check_times(const VideoClip& clip, const std::vector<double>& expected) {
  REQUIRE(clip.times_seconds.size(0) == static_cast<int64_t>(expected.size()));
  REQUIRE(clip.frames.size(0) == static_cast<int64_t>(expected.size()));
  const at::Tensor reference = at::tensor(expected, at::kDouble);
  // ffprobe prints six decimals.
  CHECK((clip.times_seconds - reference).abs().max().item<double>() <= 1e-6);
}

void check_pixels(const VideoClip& clip, std::string expected) {
  REQUIRE(clip.frames.numel() == static_cast<int64_t>(expected.size()));
  const at::Tensor reference =
      at::from_blob(expected.data(), clip.frames.sizes(), at::kByte);
  const at::Tensor distance = (clip.frames.to(at::kInt) - reference.to(at::kInt)).abs();
  CHECK(distance.max().item<int>() <= 1);
}

// Samples where ffprobe says each decoded frame of sound begins, silence in between.
std::vector<float> place_sound(const std::filesystem::path& path, double rate_hz) {
  const std::vector<float> sound = test::decode_mono(path, 2);
  std::istringstream lines(run_program(
      "ffprobe -v error -select_streams a:0 -show_entries frame=pts_time,nb_samples "
      "-of csv=p=0" +
      quoted(path)));
  std::vector<float> placed;
  size_t next = 0;
  double start = NAN;
  for (std::string line; std::getline(lines, line);) {
    const size_t comma = line.find(',');
    const double time = std::stod(line);
    const auto count = static_cast<size_t>(std::stoul(line.substr(comma + 1)));
    start = std::isnan(start) ? time : start;
    const double gap = time - start - static_cast<double>(placed.size()) / rate_hz;
    if (gap > 0.05) {
      placed.resize(placed.size() + static_cast<size_t>(std::lround(gap * rate_hz)));
    }
    placed.insert(
        placed.end(), sound.begin() + static_cast<ptrdiff_t>(next),
        sound.begin() + static_cast<ptrdiff_t>(next + count));
    next += count;
  }
  return placed;
}

void check_sound(const VideoClip& clip, const std::filesystem::path& path) {
  REQUIRE(clip.audio);
  std::vector<float> expected =
      place_sound(path, static_cast<double>(clip.audio->sample_rate_hz));
  REQUIRE(clip.audio->samples.size(0) == static_cast<int64_t>(expected.size()));
  const at::Tensor reference =
      at::from_blob(expected.data(), clip.audio->samples.sizes(), at::kFloat);
  CHECK((clip.audio->samples - reference).abs().max().item<double>() <= 1e-6);
}

} // namespace

TEST_CASE("every container equals ffmpeg and ffprobe") {
  struct Container {
    std::string name;
    std::string encoders;
  };
  const auto container = GENERATE(values<Container>({
      {"a.mp4", kX264 + "-bf 2 -c:a aac"},
      {"b.mov", "-c:v libx264 -pix_fmt yuv444p -c:a pcm_s16le"},
      {"c.mkv", kX264 + "-c:a libopus"},
      {"d.mkv", "-c:v mpeg4 -bf 2 -q:v 3 -c:a flac"},
      {"e.webm", "-c:v libvpx -c:a libvorbis"},
      {"f.webm", "-c:v libvpx-vp9 -cpu-used 8 -c:a libopus"},
      {"g.avi", "-c:v mpeg4 -q:v 3 -c:a libmp3lame"},
      {"h.avi", "-c:v mjpeg -q:v 3 -c:a pcm_s16le"},
      {"i.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none -c:a aac"},
      {"j.mkv", "-c:v ffv1 -c:a pcm_s16le"},
      {"k.mp4",
       kX264 +
           "-colorspace bt709 -color_range tv -g 10 "
           "-movflags frag_keyframe+empty_moov -c:a aac"},
      {"l.mkv", "-c:v libx264 -pix_fmt yuvj420p -c:a aac"},
      {"m.avi", "-c:v mpeg4 -bf 2 -q:v 3 -c:a pcm_s16le"},
      {"p.avi", kX264 + "-bf 2 -c:a pcm_s16le"},
      {"n.mov", "-c:v prores_ks -c:a pcm_s16le"},
      {"o.mp4", "-c:v libx264 -pix_fmt yuv420p10le -c:a libmp3lame"},
  }));
  CAPTURE(container.name);
  const TemporaryFolder folder;
  const auto path = folder / container.name;
  ffmpeg(kPicture + kSound + container.encoders + quoted(path));

  const VideoClip clip = read_video(path);
  check_times(clip, probe_frame_times(path));
  check_pixels(clip, decode_frames(path));
  check_sound(clip, path);
  CHECK(clip.num_frames_in_file == clip.frames.size(0));
  CHECK(clip.duration_seconds == Approx(2.0).margin(0.1));
  CHECK(clip.audio_start_seconds == Approx(0.0).margin(0.004));
  CHECK(clip.source == path.string());

  const VideoClip from_bytes = decode_video(read_bytes(path), "memory");
  CHECK(at::equal(from_bytes.frames, clip.frames));
  CHECK(from_bytes.source == "memory");
}

TEST_CASE("odd sizes equal ffmpeg's pixels") {
  const TemporaryFolder folder;
  const auto path = folder / "odd.mkv";
  ffmpeg(
      "-f lavfi -i testsrc=size=67x45:rate=5:duration=1 -c:v ffv1 -pix_fmt yuv420p" +
      quoted(path));
  check_pixels(read_video(path), decode_frames(path));
}

TEST_CASE("the display matrix is applied as ffmpeg applies it") {
  // a, b, c, d of [x' y'] = [x y] * [a b; c d].
  const auto turn = GENERATE(values<std::array<int, 4>>({
      {1, 0, 0, 1},
      {0, 1, -1, 0}, // a quarter clockwise
      {-1, 0, 0, -1},
      {0, -1, 1, 0},
      {-1, 0, 0, 1}, // mirrored
      {1, 0, 0, -1}, // upside down
      {0, 1, 1, 0}, // transposed
      {0, -1, -1, 0},
  }));
  CAPTURE(turn[0], turn[1], turn[2], turn[3]);
  const TemporaryFolder folder;
  const auto path = folder / "a.mp4";
  ffmpeg(kPicture + kX264 + quoted(path));
  // The matrix lies 44 bytes behind the name of the track header.
  std::string bytes = read_bytes(path);
  const auto fixed = [](int value) { return test::big(uint64_t(value) << 16, 4); };
  const size_t matrix = bytes.find("tkhd") + 44;
  bytes = test::patched(bytes, matrix, fixed(turn[0]) + fixed(turn[1]));
  bytes = test::patched(bytes, matrix + 12, fixed(turn[2]) + fixed(turn[3]));
  test::write_bytes(path, bytes);
  const VideoClip clip = read_video(path);
  const bool is_portrait = turn[0] == 0;
  CHECK(clip.frames.size(1) == (is_portrait ? 64 : 48));
  CHECK(clip.frames.size(2) == (is_portrait ? 48 : 64));
  check_pixels(clip, decode_frames(path));
}

TEST_CASE("a variable frame rate keeps its times") {
  const auto name = GENERATE(as<std::string>{}, "a.mp4", "a.mkv", "a.webm");
  const TemporaryFolder folder;
  const auto path = folder / name;
  ffmpeg(
      kPicture + "-vf \"select='not(mod(n,7))+not(mod(n,5))+lt(n,6)'\" -fps_mode vfr " +
      (name == "a.webm" ? "-c:v libvpx" : kX264) + quoted(path));
  const VideoClip clip = read_video(path);
  const std::vector<double> times = probe_frame_times(path);
  CHECK(times.size() == 20);
  check_times(clip, times);
  check_pixels(clip, decode_frames(path));
  CHECK_FALSE(clip.audio);
}

TEST_CASE("streams that start apart stay apart") {
  const auto name = GENERATE(as<std::string>{}, "a.mp4", "a.mkv", "a.mov");
  const TemporaryFolder folder;
  const auto path = folder / name;
  SECTION("sound after the picture") {
    ffmpeg(kPicture + "-itsoffset 0.75 " + kSound + kX264 + "-c:a alac" + quoted(path));
    const VideoClip clip = read_video(path);
    check_times(clip, probe_frame_times(path));
    CHECK(clip.times_seconds[0].item<double>() == Approx(0.0).margin(1e-6));
    CHECK(clip.audio_start_seconds == Approx(0.75).margin(1e-3));
    check_sound(clip, path);
  }
}

TEST_CASE("a file that starts late is moved to zero") {
  const TemporaryFolder folder;
  const auto path = folder / "late.mkv";
  ffmpeg(kPicture + kSound + kX264 + "-c:a flac -output_ts_offset 5" + quoted(path));
  CHECK(probe_frame_times(path).front() == Approx(5.0).margin(1e-3));
  const VideoClip clip = read_video(path);
  CHECK(clip.times_seconds[0].item<double>() == Approx(0.0).margin(1e-9));
  CHECK(clip.audio_start_seconds == Approx(0.0).margin(1e-9));
  CHECK(clip.duration_seconds == Approx(2.0).margin(0.1));
}

TEST_CASE("a range holds the frames and samples with begin <= time < end") {
  const auto name = GENERATE(as<std::string>{}, "a.mp4", "a.mkv", "a.avi");
  const TemporaryFolder folder;
  const auto path = folder / name;
  ffmpeg(
      kPicture + kSound + (name == "a.avi" ? "-c:v mpeg4 " : kX264) +
      "-g 12 -c:a pcm_s16le" + (name == "a.mp4" ? " -f mov" : "") + quoted(path));
  const VideoClip whole = read_video(path);
  const VideoClip part = read_video(path, {.begin_seconds = 1.0, .end_seconds = 1.5});
  REQUIRE(whole.frames.size(0) == 50);
  REQUIRE(part.frames.size(0) >= 12);
  CHECK(part.num_frames_in_file == part.frames.size(0));
  const at::Tensor is_inside =
      (whole.times_seconds >= 1.0).logical_and(whole.times_seconds < 1.5);
  CHECK(at::equal(part.times_seconds, whole.times_seconds.index({is_inside})));
  CHECK(at::equal(part.frames, whole.frames.index({is_inside})));
  REQUIRE(part.audio);
  CHECK(part.audio_start_seconds == Approx(1.0).margin(1e-6));
  REQUIRE(part.audio->samples.size(0) == 24000);
  const auto first = std::lround((1.0 - whole.audio_start_seconds) * 48000);
  CHECK(at::equal(
      part.audio->samples, whole.audio->samples.slice(0, first, first + 24000)));
}

TEST_CASE("a range of compressed sound equals the same range of the whole") {
  struct Sound {
    std::string name;
    std::string encoder;
  };
  const auto sound = GENERATE(values<Sound>(
      {{"a.mp4", "-c:a aac"},
       {"b.webm", "-c:v libvpx -c:a libopus"},
       {"c.mkv", "-c:a libmp3lame"},
       {"d.webm", "-c:v libvpx -c:a libvorbis"}}));
  CAPTURE(sound.name);
  const TemporaryFolder folder;
  const auto path = folder / sound.name;
  ffmpeg(
      "-f lavfi -i testsrc=size=32x32:rate=10:duration=4 -f lavfi -i "
      "'aevalsrc=0.5*sin(440*2*PI*t):s=48000:d=4' " +
      (sound.encoder.find("c:v") == std::string::npos ? kX264 : "") + sound.encoder +
      quoted(path));
  const VideoClip whole = read_video(path);
  const VideoClip part = read_video(path, {.begin_seconds = 2.5, .end_seconds = 3.25});
  REQUIRE(part.audio->samples.size(0) == 36000);
  const double start = part.audio_start_seconds;
  CHECK(start == Approx(2.5).margin(1e-3));
  // Container clocks tick in milliseconds: the part may lie some samples apart.
  double best = 1.0;
  const auto first = std::lround((start - whole.audio_start_seconds) * 48000);
  for (int64_t shift = -48; shift <= 48; ++shift) {
    const at::Tensor reference =
        whole.audio->samples.slice(0, first + shift, first + shift + 36000);
    best = std::min(best, (part.audio->samples - reference).abs().max().item<double>());
  }
  CHECK(best <= 1e-4);
}

TEST_CASE("a picture that starts after the sound keeps its start") {
  const auto name = GENERATE(as<std::string>{}, "a.mp4", "a.mov", "a.mkv");
  const auto frames = GENERATE(as<std::string>{}, "-bf 0 ", "-bf 2 ");
  const TemporaryFolder folder;
  const auto path = folder / name;
  ffmpeg( // passthrough: the program would fill the gap with copies of the first frame
      "-itsoffset 0.6 " + kPicture + kSound + kX264 + frames +
      "-fps_mode passthrough -map 0:v -map 1:a -c:a alac" + quoted(path));
  const VideoClip clip = read_video(path);
  check_times(clip, probe_frame_times(path));
  CHECK(clip.times_seconds[0].item<double>() == Approx(0.6).margin(1e-3));
  CHECK(clip.audio_start_seconds == Approx(0.0).margin(1e-6));
  CHECK(clip.frames.size(0) == 50);
  check_sound(clip, path);
  // The clock does not depend on whether the sound is wanted.
  const VideoClip silent = read_video(path, {.with_audio = false});
  CHECK(at::equal(silent.times_seconds, clip.times_seconds));
  CHECK_FALSE(silent.audio);
}
