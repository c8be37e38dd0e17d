// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Sampling: the frames kept are those of a whole reading, and little else is touched.
#include <cmath>
#include <utility>

#include <ATen/ATen.h>

#include "encoders/media/av/frame_reader.h"
#include "encoders/media/video_io.h"
#include "tests/media/clips.h"
#include "tests/media/peak_memory.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::test::ffmpeg;
using omni::test::TemporaryFolder;

namespace {

// Counts what is read of another source.
class CountedSource final : public ByteSource {
 public:
  explicit CountedSource(ByteSource& source) : source_(source) {}
  [[nodiscard]] int64_t size() const override {
    return source_.size();
  }
  int64_t read_at(int64_t offset, char* out, int64_t count) override {
    const int64_t got = source_.read_at(offset, out, count);
    num_bytes_ += got;
    return got;
  }
  // Since the last call.
  int64_t take() {
    return std::exchange(num_bytes_, 0);
  }

 private:
  ByteSource& source_;
  int64_t num_bytes_ = 0;
};

} // namespace

TEST_CASE("sampled frames equal those of the whole clip") {
  struct Container {
    std::string name;
    std::string encoder;
  };
  const auto container = GENERATE(values<Container>({
      {"a.mp4", "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 20 -bf 2"},
      {"b.mkv", "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 20 -bf 2"},
      {"c.webm", "-c:v libvpx -g 20"},
      {"d.webm", "-c:v libvpx-vp9 -cpu-used 8 -g 20"},
      {"e.avi", "-c:v mpeg4 -g 20"},
      {"f.avi", "-c:v mpeg4 -g 20 -bf 2"},
      {"h.avi", "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 20 -bf 2"},
      {"g.mp4", "-c:v libx265 -preset ultrafast -g 20 -x265-params log-level=none"},
      {"i.avi", "-c:v mpeg2video -g 20 -bf 2"},
  }));
  CAPTURE(container.name);
  const TemporaryFolder folder;
  const auto path = folder / container.name;
  ffmpeg(
      "-f lavfi -i testsrc=size=64x48:rate=20:duration=6 " + container.encoder + " '" +
      path.string() + "'");
  const VideoClip whole = read_video(path);
  REQUIRE(whole.frames.size(0) == 120);

  const auto check = [&](const VideoOptions& options, int64_t count) {
    const VideoClip some = read_video(path, options);
    REQUIRE(some.frames.size(0) == count);
    for (int64_t i = 0; i < count; ++i) {
      const at::Tensor same =
          (whole.times_seconds == some.times_seconds[i]).nonzero().flatten();
      REQUIRE(same.numel() == 1);
      CHECK(at::equal(whole.frames[same.item<int64_t>()], some.frames[i]));
    }
    return some;
  };
  check({.frames_per_second = 1.0}, 6);
  check({.frames_per_second = 3.0}, 18);
  check({.max_frames = 1}, 1);
  const VideoClip ends = check({.max_frames = 5}, 5);
  CHECK(ends.num_frames_in_file == 120);
  CHECK(ends.duration_seconds == Approx(6.0).margin(0.06));
  check({.begin_seconds = 2.5, .end_seconds = 5.0, .frames_per_second = 2.0}, 5);
  check({.begin_seconds = 4.0, .frames_per_second = 10.0, .max_frames = 4}, 4);
  check({.begin_seconds = 5.5}, 10);
}

TEST_CASE("memory follows the frames kept") {
  const TemporaryFolder folder;
  const auto path = folder / "long.mp4";
  ffmpeg( // 264 MiB as RGB
      "-f lavfi -i color=red:size=640x480:rate=30:duration=10 -c:v mpeg4 '" +
      path.string() + "'");
  const VideoClip first = read_video(path, {.max_frames = 3}); // warms allocators
  const test::PeakMemory memory;
  const VideoClip clip = read_video(path, {.max_frames = 5});
  memory.check_grew_less_than(30);
  CHECK(clip.frames.size(0) == 5);
  CHECK(clip.num_frames_in_file == 300);
}

TEST_CASE("groups of frames that are not kept are neither decoded nor read") {
  const auto name = GENERATE(as<std::string>{}, "a.mp4", "a.mkv");
  const TemporaryFolder folder;
  const auto path = folder / name;
  // Noise, so that the file is long enough to be sought in; a key frame every 20.
  std::string noise(600 * 160 * 120 * 3 / 2, '\0');
  uint32_t state = 1;
  for (char& byte : noise) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  const auto raw = folder / "noise.yuv";
  test::write_bytes(raw, noise);
  ffmpeg(
      "-f rawvideo -pix_fmt yuv420p -s 160x120 -r 60 -i '" + raw.string() +
      "' -c:v mpeg4 -q:v 2 -g 20 '" + path.string() + "'");
  const MediaName media{"test", path.string()};
  const MediaBudget budget;
  const Deadline deadline(budget, media);
  const auto file = open_byte_source(path, budget, media);
  REQUIRE(file->size() > 12'000'000);
  CountedSource bytes(*file);
  const MediaKind kind = name == "a.mp4" ? MediaKind::Mp4 : MediaKind::Matroska;
  av::Source source(bytes, kind, budget, media, deadline);
  const av::VideoIndex index(source, 1e9);
  const std::vector<int64_t> all = index.frames_between(-1e9, 1e9);
  REQUIRE(all.size() == 600);
  CHECK(bytes.take() >= file->size()); // the index is made of the whole file
  av::FrameReader reader(source, kind, index);
  const std::vector<int64_t> wanted = {all[0], all[290], all[599]};
  const av::KeptFrames kept = reader.read({wanted});
  CHECK(kept.ticks == wanted);
  // One group of pictures for each, and what the threads hold.
  CHECK(reader.num_decoded_packets() < 70);
  // Of the rest of the file only heads: the demuxer has sought.
  CHECK(bytes.take() < file->size() / 4);
  const VideoClip whole = read_video(path);
  CHECK(at::equal(kept.frames[1], whole.frames[290]));
  CHECK(at::equal(kept.frames[2], whole.frames[599]));
}

TEST_CASE("senseless options are the caller's error") {
  const auto check = [](const VideoOptions& options, const std::string& text) {
    CHECK_THROWS_AS(read_video("none.mp4", options), c10::ValueError);
    CHECK_THROWS_WITH(read_video("none.mp4", options), omni::testing::Contains(text));
  };
  check({.begin_seconds = -1}, "expected begin_seconds of at least 0, got -1.");
  check(
      {.begin_seconds = 2, .end_seconds = 2},
      "expected end_seconds after begin_seconds (2), got 2.");
  check({.frames_per_second = 1e6}, "expected frames_per_second in (0, 1000]");
  check({.frames_per_second = 0}, "expected frames_per_second in (0, 1000], got 0.");
  check({.frames_per_second = NAN}, "expected frames_per_second in (0, 1000]");
  check({.max_frames = 0}, "expected max_frames of at least 1, got 0.");
}
