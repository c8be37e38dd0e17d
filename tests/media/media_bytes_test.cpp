// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// The parsers of foreign bytes. Torch-free: compiles alone, for sanitizers. Everything
// cut short or altered must give a value or an IoError, and nothing else.
#include <functional>
#include <limits>
#include <vector>

#include "encoders/media/byte_source.h"
#include "encoders/media/container_check.h"
#include "encoders/media/exif.h"
#include "encoders/media/image_header.h"
#include "encoders/media/sniff.h"
#include "encoders/media/wav.h"
#include "omni/core/errors.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using namespace omni::test;
using namespace std::string_literals;

namespace {

const MediaName kName{"test", "bytes"};

ImageHeader header_of(const std::string& bytes) {
  return parse_image_header(bytes, {}, kName);
}

void check_all(const std::string& bytes) {
  static_cast<void>(exif_orientation(bytes));
  const MediaKind kind = sniff(bytes);
  CHECK_FALSE(describe(kind).empty());
  const std::vector<std::function<void()>> parsers = {
      [&] { static_cast<void>(header_of(bytes)); },
      [&] {
        const WavHeader header = parse_wav_header(bytes, kName);
        std::vector<float> samples(static_cast<size_t>(header.num_frames));
        wav_to_mono(bytes, header, kName, samples.data());
      },
      [&] { check_container(*make_byte_source(bytes, {}, kName), kind, kName); },
  };
  for (const auto& parse : parsers) {
    try {
      parse();
    } catch (const IoError& error) {
      CHECK(std::string(error.what()).starts_with("[test] bytes: "));
    }
  }
}

std::vector<std::string> sound_files() {
  std::vector<std::string> files = {
      make_png({2, 2, 8, 2, std::string(12, 'x'), "", "", exif_with_orientation(3)}),
      make_png({3, 1, 2, 3, "\x1B", "abcdefghi", "\x80", ""}),
      make_bmp({3, 2, 24, 0, "", std::string(24, 'p')}),
      make_bmp({2, -2, 32, 3, std::string(16, '\1'), std::string(16, 'p')}),
      make_wav_file({1, 2, 8000, 16, std::string(64, 'a')}),
      make_wav_file({3, 1, 8000, 32, std::string(64, 'a')}),
      with_segment(sample("rgb.jpg"), 0xE1, "Exif\0\0"s + exif_with_orientation(8)),
      mp4_box("ftyp", "isom") +
          mp4_box("moov", mp4_box("trak", mp4_box("mdia", "")) + mp4_box("udta", "x")),
      ogg_page("hello", 0) + ogg_page("world"),
      adts_frame(40) + adts_frame(30),
      "\xFF\xFB\x90\x64" + std::string(417, 'x'),
      make_bmp({4, 1, 8, 1, "abcd", "\3\0\0\4abcd\1\0\0\1"s}),
      sample("progressive.jpg"),
      "RIFF" + little(12, 4) + "AVI LIST" + little(0, 4),
      "\x1A\x45\xDF\xA3\x84"s + "webm" + "\x18\x53\x80\x67\x82" + "ab",
      exif_with_orientation(5),
  };
  for (const char* name : {"grey.jpg", "cmyk.jpg", "alpha.webp", "exif.webp"}) {
    files.push_back(sample(name));
  }
  return files;
}

} // namespace

TEST_CASE("sniffing goes by the bytes") {
  const std::vector<std::pair<std::string, MediaKind>> table = {
      {"", MediaKind::Empty},
      {make_png({1, 1, 8, 2, "abc"}), MediaKind::Png},
      {sample("grey.jpg"), MediaKind::Jpeg},
      {sample("lossy.webp"), MediaKind::WebP},
      {make_bmp({1, 1, 24, 0, "", "abcd"}), MediaKind::Bmp},
      {make_wav_file({}), MediaKind::Wav},
      {"fLaC\0\0\0\x22"s, MediaKind::Flac},
      {"ID3\x04\0\0\0\0\0\x04TIT2fLaC"s, MediaKind::Flac},
      {"ID3\x04\0\0\0\0\0\x04TIT2\xFF\xFB\x90\x64"s, MediaKind::Mp3},
      {"\xFF\xFB\x90\x64", MediaKind::Mp3},
      {"\xFF\xF1\x50\x80\x02\x1F\xFC", MediaKind::Adts},
      {ogg_page("x"), MediaKind::Ogg},
      {mp4_box("ftyp", "isom"), MediaKind::Mp4},
      {mp4_box("moov", ""), MediaKind::Mp4},
      {mp4_box("ftyp", "avif"), MediaKind::Heif},
      {"\x1A\x45\xDF\xA3", MediaKind::Matroska},
      {"RIFF\0\0\0\0AVI "s, MediaKind::Avi},
      {"GIF89a", MediaKind::Gif},
      {"II*\0"s, MediaKind::Tiff},
      {"%PDF-1.7", MediaKind::Pdf},
      {"PK\x03\x04", MediaKind::Archive},
      {"\x7F"
       "ELF",
       MediaKind::Executable},
      {"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", MediaKind::Playlist},
      {"ffconcat version 1.0\nfile 'a.mp4'\n", MediaKind::Playlist},
      {"\xEF\xBB\xBF\n  [playlist]", MediaKind::Playlist},
      {"<?xml version=\"1.0\"?><MPD>", MediaKind::Playlist},
      {"<!DOCTYPE html><html>", MediaKind::Markup},
      {"BMW is a maker of cars.", MediaKind::Text},
      {"\xEC\x95\x88\xEB\x85\x95", MediaKind::Text}, // Korean
      {"\0\1\2\3"s, MediaKind::Unknown},
  };
  for (const auto& [bytes, kind] : table) {
    CAPTURE(bytes);
    CHECK(describe(sniff(bytes)) == describe(kind));
  }
}

TEST_CASE("headers of pictures are read without a decoder") {
  const ImageHeader jpeg = header_of(sample("rgb.jpg"));
  CHECK((jpeg.width == 16 && jpeg.height == 8 && jpeg.num_channels == 3));
  CHECK(header_of(sample("cmyk.jpg")).num_channels == 4);
  const ImageHeader webp = header_of(sample("exif.webp"));
  CHECK((webp.width == 16 && webp.height == 8 && webp.orientation == 6));
  CHECK(header_of(sample("alpha.webp")).has_alpha);
  const ImageHeader png =
      header_of(make_png({2, 1, 16, 0, "abcd", "", "ab", exif_with_orientation(8)}));
  CHECK((png.bits == 16 && png.orientation == 8));
  CHECK(png.transparent_grey == 'a' * 256 + 'b');
  const ImageHeader bmp =
      header_of(make_bmp({5, -7, 24, 0, "", std::string(112, 'x')}));
  CHECK((bmp.width == 5 && bmp.height == 7));
}

TEST_CASE("orientation is found in both byte orders, and only where it is") {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CHECK(exif_orientation(exif_with_orientation(orientation)) == orientation);
  }
  CHECK(exif_orientation(exif_with_orientation(9)) == 1);
  CHECK(exif_orientation(exif_with_orientation(0)) == 1);
  const std::string intel = "II*\0"s + little(8, 4) + little(2, 2) + little(0x100, 2) +
      little(3, 2) + little(1, 4) + little(5, 4) + little(0x112, 2) + little(3, 2) +
      little(1, 4) + little(6, 4);
  CHECK(exif_orientation(intel) == 6);
  CHECK(exif_orientation(patched(intel, 4, little(0xFFFFFFF0, 4))) == 1);
  CHECK(exif_orientation(patched(intel, 8, little(0xFFFF, 2))) == 6);
  CHECK(exif_orientation("") == 1);
}

TEST_CASE("WAV samples of every width") {
  const auto mono = [](const WavSpec& spec) {
    const std::string bytes = make_wav_file(spec);
    const WavHeader header = parse_wav_header(bytes, kName);
    std::vector<float> samples(static_cast<size_t>(header.num_frames));
    wav_to_mono(bytes, header, kName, samples.data());
    return samples;
  };
  using Samples = std::vector<float>;
  CHECK(mono({1, 1, 8000, 8, "\x00\x80\xFF"s}) == Samples{-1, 0, 127 / 128.0f});
  CHECK(mono({1, 1, 8000, 16, "\x00\x80\x00\x40"s}) == Samples{-1, 0.5f});
  CHECK(mono({1, 1, 8000, 24, "\x00\x00\x80\x00\x00\x40"s}) == Samples{-1, 0.5f});
  CHECK(
      mono({1, 1, 8000, 32, "\x00\x00\x00\x80\x00\x00\x00\x40"s}) == Samples{-1, 0.5f});
  CHECK(mono({3, 1, 8000, 32, "\x00\x00\x80\xBE"s}) == Samples{-0.25f});
  CHECK(mono({3, 1, 8000, 64, "\0\0\0\0\0\0\xE0\xBF"s}) == Samples{-0.5f});
  // Two channels: the mean.
  CHECK(mono({1, 2, 8000, 16, "\x00\x80\x00\x40"s}) == Samples{-0.25f});
}

TEST_CASE("what is written as WAV is read back") {
  const std::vector<float> samples = {0.0f, 0.5f, -1.0f, 1.5f, -0.25f};
  for (const SampleFormat format :
       {SampleFormat::Int16, SampleFormat::Int24, SampleFormat::Float32}) {
    const std::string bytes = make_wav(samples.data(), 5, 44100, format);
    const WavHeader header = parse_wav_header(bytes, kName);
    CHECK(header.sample_rate_hz == 44100);
    REQUIRE(header.num_frames == 5);
    std::vector<float> back(5);
    wav_to_mono(bytes, header, kName, back.data());
    CHECK(back[1] == 0.5f);
    CHECK(back[2] == -1.0f);
    CHECK(back[4] == -0.25f);
    const bool is_float = format == SampleFormat::Float32;
    CHECK(back[3] == Approx(is_float ? 1.5 : 1.0).margin(1e-4));
    CHECK(bytes.size() % 2 == 0);
  }
}

TEST_CASE("containers that are whole pass, those cut short do not") {
  const auto check = [](const std::string& bytes) {
    check_container(*make_byte_source(bytes, {}, kName), sniff(bytes), kName);
  };
  const std::string mp4 =
      mp4_box("ftyp", "isom") + mp4_box("moov", mp4_box("trak", ""));
  CHECK_NOTHROW(check(mp4));
  CHECK_NOTHROW(check(mp4 + std::string(8, '\0')));
  CHECK_THROWS_WITH(
      check(mp4 + mp4_box("mdat", "abcdefgh").substr(0, 12)),
      omni::testing::Contains("expected 16 bytes of the MP4 box 'mdat', got 12"));
  CHECK_THROWS_WITH(
      check(mp4_box("ftyp", "isom")),
      omni::testing::Contains("expected an index (moov box)"));
  const std::string table = mp4_box("stsz", big(0, 4) + big(1, 4) + big(0xFFFFFFFF, 4));
  CHECK_THROWS_WITH(
      check(mp4_box(
          "moov",
          mp4_box("trak", mp4_box("mdia", mp4_box("minf", mp4_box("stbl", table)))))),
      omni::testing::Contains("fewer samples in the MP4 index than bytes in the file"));
  CHECK_NOTHROW(check(ogg_page("hello", 0) + ogg_page("you")));
  CHECK_NOTHROW(check(ogg_page("a", 0, 1) + ogg_page("b", 4, 2) + ogg_page("c", 4, 1)));
  CHECK_THROWS_WITH(
      check(ogg_page("a", 0, 1) + ogg_page("b", 4, 2)),
      omni::testing::Contains(
          "expected a last page of each stream in the Ogg file, got none"));
  std::string crowd;
  for (uint32_t i = 0; i < 65; ++i) {
    crowd += ogg_page("a", 0, i);
  }
  CHECK_THROWS_WITH(
      check(crowd), omni::testing::Contains("at most 64 Ogg streams at a time"));
  CHECK_THROWS_WITH(
      check(ogg_page("hello") + "OggX"),
      omni::testing::Contains("Ogg page at byte 33"));
}

TEST_CASE("a frame that the file cuts off shows, a cut between frames does not") {
  CHECK(adts_frame_bytes(adts_frame(300)) == 300);
  CHECK(adts_frame_bytes("\xFF\xF1\x50\x80\0\x1F\xFC"s) == 0); // less than a header
  CHECK(mpeg_frame_bytes("\xFF\xFB\x90\x64") == 417); // 128 kbit/s at 44.1 kHz
  CHECK(mpeg_frame_bytes("\xFF\xFB\x92\x64") == 418); // padded
  CHECK(mpeg_frame_bytes("\xFF\xF3\x80\x64") == 208); // 64 kbit/s at 22.05 kHz
  CHECK(mpeg_frame_bytes("\xFF\xE3\x40\x64") == 208); // 32 kbit/s at 11.025 kHz
  CHECK(mpeg_frame_bytes("\xFF\xFD\x80\x64") == 417); // layer 2
  CHECK(mpeg_frame_bytes("\xFF\xFF\x90\x64") == 312); // layer 1
  CHECK(mpeg_frame_bytes("\xFF\xFB\x00\x64"s) == 0); // a rate of its own
  const auto check = [](const std::string& bytes) {
    check_container(*make_byte_source(bytes, {}, kName), sniff(bytes), kName);
  };
  const std::string mp3_frame = "\xFF\xFB\x90\x64" + std::string(413, '\0');
  const std::string tag = "ID3\x04\0\0\0\0\0\x04TIT2"s;
  for (const std::string& frame : {adts_frame(300), mp3_frame}) {
    for (const std::string& before : {""s, tag}) {
      std::string frames = before;
      for (int i = 0; i < 400; ++i) { // more than one window of reading
        frames += frame;
      }
      CHECK_NOTHROW(check(frames)); // also what is left of a longer file
      CHECK_NOTHROW(check(frames + "TAG" + std::string(125, ' ')));
      const size_t header = frame == mp3_frame ? 4 : 7;
      for (const size_t cut : {size_t{1}, frame.size() - header - 1}) {
        CHECK_THROWS_WITH(
            check(frames.substr(0, frames.size() - cut)),
            omni::testing::Contains(
                "expected " + std::to_string(frame.size()) +
                " bytes of the last sound frame, got " +
                std::to_string(frame.size() - cut)));
      }
      CHECK_THROWS_WITH(
          check(frames + frame.substr(0, 2)),
          omni::testing::Contains("bytes of a sound frame's header, got 2"));
    }
  }
}

TEST_CASE("files cut at any length end in a value or an IoError") {
  for (const std::string& bytes : sound_files()) {
    for (size_t length = 0; length <= bytes.size(); ++length) {
      check_all(std::string(bytes.data(), length));
    }
  }
}

TEST_CASE("files with altered bytes end in a value or an IoError") {
  uint32_t state = 1;
  const auto random = [&state](size_t limit) {
    state = state * 1664525 + 1013904223;
    return static_cast<size_t>(state >> 8) % limit;
  };
  for (const std::string& original : sound_files()) {
    for (int round = 0; round < 400; ++round) {
      std::string bytes = original;
      for (size_t i = 0, count = 1 + random(4); i < count; ++i) {
        static constexpr std::string_view kEdges{"\x00\x01\x7F\x80\xFE\xFF", 6};
        bytes[random(bytes.size())] = random(2) == 0 ? kEdges[random(kEdges.size())]
                                                     : static_cast<char>(random(256));
      }
      check_all(bytes);
    }
  }
}
