// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Videos that are not what they claim to be.
#include "encoders/media/video_io.h"
#include "omni/core/errors.h"
#include "tests/media/bad_media.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using namespace omni::test;
using namespace std::string_literals;

namespace {

const std::string kPicture = "-f lavfi -i testsrc=size=64x48:rate=10:duration=1 ";
const std::string kX264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p ";

std::string encoded(
    const TemporaryFolder& folder,
    const std::string& name,
    const std::string& arguments) {
  const auto path = folder / name;
  ffmpeg(arguments + " '" + path.string() + "'");
  return read_bytes(path);
}

std::string front(const std::string& bytes, double part) {
  return bytes.substr(0, static_cast<size_t>(static_cast<double>(bytes.size()) * part));
}

// Bytes of a field some way behind the first occurrence of a name.
std::string with_field(
    const std::string& bytes,
    const std::string& name,
    size_t offset,
    const std::string& value) {
  const size_t at = bytes.find(name);
  REQUIRE(at != std::string::npos);
  return patched(bytes, at + offset, value);
}

} // namespace

TEST_CASE("files that are no videos are refused") {
  const TemporaryFolder folder;
  const std::string tone = "-f lavfi -i sine=duration=1 ";
  check_refused(
      Reader::Video,
      {
          {"empty.mp4", "", "got no bytes at all"},
          {"text.mp4", "Once upon a time.\n", "got plain text"},
          {"list.mp4", "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "got a playlist"},
          {"concat.mkv", "ffconcat version 1.0\nfile 'a.mp4'\n", "got a playlist"},
          {"dash.mp4", "<?xml version='1.0'?>\n<MPD></MPD>", "got a playlist"},
          {"address.mp4", "http://localhost/a.mp4", "got a playlist"},
          {"page.webm", "<html><body>404</body></html>", "got an HTML"},
          {"picture.mp4", sample("rgb.jpg"), "Use read_image()."},
          {"sound.mp4", make_wav_file({1, 1, 8000, 16, "ab"}), "Use read_audio()."},
          {"song.mp4", encoded(folder, "a.m4a", tone + "-c:a aac"), "Use read_audio()"},
          {"song.mkv", encoded(folder, "a.mka", tone + "-c:a flac"),
           "Use read_audio()"},
          {"zeros.mp4", std::string(1000, '\0'), "bytes of an unknown format"},
      });
}

TEST_CASE("damaged and lying MP4s are refused") {
  const TemporaryFolder folder;
  const std::string mp4 = encoded(folder, "a.mp4", kPicture + kX264);
  const std::string fast =
      encoded(folder, "b.mp4", kPicture + kX264 + "-movflags +faststart");
  // Behind the name 'avc1': reserved and predefined fields, then width and height.
  const std::string huge =
      with_field(mp4, "avc1\0\0\0\0\0\0\0\1"s, 28, "\xFF\xFF\xFF\xFF");
  const std::string flat = with_field(mp4, "avc1\0\0\0\0\0\0\0\1"s, 28, "\x40\0\0\1"s);
  const std::string ftyp = mp4_box("ftyp", "isom");
  const std::string no_frames = with_field(mp4, "stsz", 12, std::string(4, '\0'));
  check_refused(
      Reader::Video,
      {
          {"cut.mp4", front(mp4, 0.5), "The file is truncated"},
          {"cut-fast.mp4", front(fast, 0.8), "The file is truncated"},
          {"head.mp4", mp4.substr(0, 32), "expected an index (moov box)"},
          {"index.mp4", ftyp + mp4_box("moov", ""), "MP4"},
          {"garbage.mp4", ftyp + mp4_box("moov", std::string(200, '\x55')), "MP4 box"},
          {"no-frames.mp4", no_frames, "expected"},
          {"count.mp4", with_field(mp4, "stsz", 12, big(0xFFFFFFF0, 4)), "MP4 index"},
          {"edits.mp4", with_field(mp4, "elst", 8, big(0xFFFFFF, 4)), "4096 MP4 edits"},
          {"huge.mp4", huge, "at most 16384 pixels a side, got 65535x65535"},
          {"flat.mp4", flat, "differ by a factor of at most 200, got 16384x1"},
          {"box.mp4", ftyp + big(1, 4) + "moov" + big(~0ull, 8), "truncated"},
          {"small-box.mp4", ftyp + big(3, 4) + "moov", "MP4 box 'moov'"},
          {"no-data.mp4", with_field(mp4, "stco", 12, big(0xFFFFFF00, 4)), "expected"},
          {"wiped.mp4",
           with_field(fast, "mdat", 4, std::string(front(fast, 0.3).size(), '\0')),
           "expected"},
      });
}

TEST_CASE("damaged and lying MKVs, WebMs and AVIs are refused") {
  const TemporaryFolder folder;
  const std::string mkv = encoded(folder, "a.mkv", kPicture + kX264);
  const std::string webm = encoded(folder, "a.webm", kPicture + "-c:v libvpx");
  const std::string avi = encoded(folder, "a.avi", kPicture + "-c:v mpeg4");
  // The stream header of an AVI: behind 'vids' come the handler, flags, priority,
  // delay, then scale and rate.
  const std::string quick =
      with_field(avi, "vids", 20, little(1, 4) + little(1'000'000, 4));
  std::string empty = avi.substr(0, avi.find("movi") + 4);
  empty = patched(empty, 4, little(empty.size() - 8, 4));
  empty = patched(empty, empty.size() - 8, little(4, 4));
  check_refused(
      Reader::Video,
      {
          {"cut.mkv", front(mkv, 0.5), "The file is truncated"},
          {"head.mkv", mkv.substr(0, 40), "Matroska"},
          {"magic.mkv", "\x1A\x45\xDF\xA3", "Matroska header"},
          {"size.mkv", "\x1A\x45\xDF\xA3\0\0\0\0"s, "a legal EBML size"},
          {"segment.mkv",
           "\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x08\x7F\xFF\xFF\xFF\xFF"s,
           "bytes of the Matroska segment, got 1"},
          {"nothing.mkv", "\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x80"s, "Matroska"},
          {"cut.webm", front(webm, 0.7), "The file is truncated"},
          {"cut.avi", front(avi, 0.6), "bytes of the AVI, got"},
          {"head.avi", avi.substr(0, 12), "bytes of the AVI"},
          {"empty.avi", empty, "expected"},
          {"none.avi", "RIFF\4\0\0\0AVI "s, "AVI"},
          {"quick.avi", quick, "at most 1000 frames per second, got 10 frames"},
          {"gif.mkv", encoded(folder, "g.mkv", kPicture + "-c:v snow -strict -2"),
           "expected a codec of the supported ones"},
          {"crowd.mkv",
           encoded(
               folder, "c.mkv",
               "-f lavfi -i sine=duration=0.1 -c:a pcm_s16le " +
                   [] {
                     std::string maps;
                     for (int i = 0; i < 20; ++i) {
                       maps += "-map 0 ";
                     }
                     return maps;
                   }()),
           "at most 16 streams, got 20"},
      });
}

TEST_CASE("paths that hold no video file are refused") {
  check_no_file_refused(Reader::Video);
}

TEST_CASE("a budget holds for videos") {
  const TemporaryFolder folder;
  const std::string bytes = encoded(folder, "a.mp4", kPicture + kX264);
  const auto refused = [&](const MediaBudget& budget, const std::string& cause) {
    CHECK_THROWS_WITH(
        decode_video(bytes, "clip", {}, budget),
        omni::testing::StartsWith("[decode_video] clip: ") &&
            omni::testing::Contains(cause));
  };
  MediaBudget budget;
  budget.max_video_frames = 9;
  refused(budget, "at most 9 frames to keep, got 10. Set max_frames");
  CHECK(decode_video(bytes, "clip", {.max_frames = 9}, budget).frames.size(0) == 9);
  budget = {};
  budget.max_video_seconds = 0.5;
  refused(budget, "at most 0 s of video");
  CHECK(decode_video(bytes, "clip", {.end_seconds = 0.45}, budget).frames.size(0) == 5);
  budget = {};
  budget.max_frames_per_second = 5;
  refused(budget, "at most 5 frames per second");
  budget = {};
  budget.max_image_side = 63;
  refused(budget, "a video frame of at most 63 pixels a side, got 64x48");
  budget = {};
  budget.max_decoded_bytes = 64 * 48 * 3 * 9;
  refused(budget, "bytes of decoded frames, got 10 frames of 9216 bytes");
  budget = {};
  budget.max_wall_seconds = 0;
  refused(budget, "to end within 0 s");
  budget = {};
  budget.max_bytes = 99;
  refused(budget, "at most 99 bytes");
  CHECK_THROWS_WITH(
      decode_video(bytes, "clip", {.begin_seconds = 7.0}),
      omni::testing::Contains(
          "expected at least one video frame in the range, got none"));
}

TEST_CASE("altered videos end in a value or an IoError") {
  const TemporaryFolder folder;
  const std::string sound = "-f lavfi -i sine=duration=1 ";
  const std::string name = GENERATE(as<std::string>{}, "a.mp4", "a.mkv", "a.avi");
  const std::string original = encoded(
      folder, name, kPicture + sound + (name == "a.avi" ? "-c:v mpeg4" : kX264));
  uint32_t state = 7;
  const auto random = [&state](size_t limit) {
    state = state * 1664525 + 1013904223;
    return static_cast<size_t>(state >> 8) % limit;
  };
  MediaBudget budget;
  budget.max_wall_seconds = 2;
  for (int round = 0; round < 40; ++round) {
    std::string bytes = original;
    // Structures lie at both ends.
    const bool is_at_end = random(2) == 0;
    for (int i = 0; i < 4; ++i) {
      const size_t offset = random(std::min<size_t>(1500, bytes.size()));
      bytes[is_at_end ? bytes.size() - 1 - offset : offset] =
          static_cast<char>(random(256));
    }
    try {
      const VideoClip clip = decode_video(bytes, "altered", {}, budget);
      CHECK(clip.frames.size(0) == clip.times_seconds.size(0));
    } catch (const IoError& error) {
      CHECK(std::string(error.what()).starts_with("[decode_video] altered: "));
    }
  }
}
