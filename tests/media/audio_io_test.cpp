// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/audio_io.h"

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

#include "omni/core/errors.h"
#include "tests/media/clips.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::test::decode_mono;
using omni::test::ffmpeg;
using omni::test::numbers;
using omni::test::read_bytes;
using omni::test::TemporaryFolder;

namespace {

// Largest difference; the sizes must be equal.
double difference(const at::Tensor& samples, const std::vector<float>& expected) {
  REQUIRE(samples.size(0) == static_cast<int64_t>(expected.size()));
  const at::Tensor reference =
      at::from_blob(const_cast<float*>(expected.data()), {samples.size(0)}, at::kFloat);
  return (samples - reference).abs().max().item<double>();
}

Waveform tone(int64_t count, int64_t rate_hz) {
  const at::Tensor time = at::arange(count, at::kDouble) / static_cast<double>(rate_hz);
  const at::Tensor samples = 0.6 * at::sin(2 * std::numbers::pi * 440 * time) +
      0.2 * at::cos(2 * std::numbers::pi * 1234.5 * time);
  return {samples.to(at::kFloat), rate_hz, ""};
}

// Two channels that differ, so that a wrong mix shows.
const std::string kStereo =
    "-f lavfi -i \"aevalsrc=0.5*sin(440*2*PI*t)+0.1*sin(3000*2*PI*t)"
    "|0.3*cos(660*2*PI*t):s=RATE:d=1.3\" ";

std::string stereo(int rate_hz) {
  std::string source = kStereo;
  source.replace(source.find("RATE"), 4, std::to_string(rate_hz));
  return source;
}

} // namespace

TEST_CASE("every sound format equals ffmpeg's decoding at its own rate") {
  struct Format {
    std::string name;
    int rate_hz;
    std::string encoder;
  };
  const auto format = GENERATE(values<Format>({
      {"u8.wav", 8000, "-c:a pcm_u8"},
      {"s16.wav", 44100, "-c:a pcm_s16le"},
      {"s24.wav", 48000, "-c:a pcm_s24le"},
      {"s32.wav", 22050, "-c:a pcm_s32le"},
      {"f32.wav", 16000, "-c:a pcm_f32le"},
      {"f64.wav", 96000, "-c:a pcm_f64le"},
      {"a.flac", 44100, "-c:a flac"},
      {"deep.flac", 96000, "-c:a flac -sample_fmt s32"},
      {"a.mp3", 44100, "-c:a libmp3lame -b:a 128k"},
      {"low.mp3", 22050, "-c:a libmp3lame -q:a 4"},
      {"tagged.mp3", 44100, "-c:a libmp3lame -metadata title=x -id3v2_version 3"},
      {"vorbis.ogg", 44100, "-c:a libvorbis"},
      {"opus.ogg", 48000, "-c:a libopus"},
      {"a.opus", 48000, "-c:a libopus -b:a 32k"},
      {"a.m4a", 44100, "-c:a aac"},
      {"alac.m4a", 44100, "-c:a alac"},
      {"a.aac", 48000, "-c:a aac -f adts"},
      {"a.mka", 48000, "-c:a libopus"},
      {"a.mov", 48000, "-c:a pcm_s16le"},
      {"a.avi", 44100, "-c:a libmp3lame"},
  }));
  CAPTURE(format.name);
  const TemporaryFolder folder;
  const auto path = folder / format.name;
  ffmpeg(stereo(format.rate_hz) + format.encoder + " '" + path.string() + "'");

  const Waveform waveform = read_audio(path);
  CHECK(waveform.sample_rate_hz == format.rate_hz);
  CHECK(waveform.source == path.string());
  CHECK(waveform.samples.scalar_type() == at::kFloat);
  CHECK(difference(waveform.samples, decode_mono(path, 2)) <= 1e-6);

  const Waveform from_bytes = decode_audio(read_bytes(path), "memory");
  CHECK(at::equal(from_bytes.samples, waveform.samples));
  CHECK(from_bytes.source == "memory");
}

TEST_CASE("a WAV keeps extensible headers, many channels, odd chunks, streams") {
  const TemporaryFolder folder;
  const auto path = folder / "a.wav";
  const std::string output = " '" + path.string() + "'";
  SECTION("5.1 channels, extensible") {
    ffmpeg(
        "-f lavfi -i \"aevalsrc=0.1*sin(t*300)|0.2*sin(t*500)|0.3|-0.4|0.5*cos(t*70)|"
        "0.6*sin(t*90):c=5.1:s=24000:d=0.5\" -c:a pcm_s24le" +
        output);
    CHECK(difference(read_audio(path).samples, decode_mono(path, 6)) <= 1e-6);
  }
  SECTION("metadata before the data") {
    ffmpeg(stereo(8000) + "-metadata title=odd -metadata artist=name" + output);
    CHECK(difference(read_audio(path).samples, decode_mono(path, 2)) <= 1e-6);
  }
  SECTION("written to a pipe, sizes unknown") {
    ffmpeg(stereo(8000) + "-f wav - >" + output);
    CHECK(difference(read_audio(path).samples, decode_mono(path, 2)) <= 1e-6);
  }
}

TEST_CASE("resample equals ffmpeg's resampler") {
  const auto to_hz = GENERATE(8000, 16000, 22050, 24000, 44100, 48000, 96000);
  CAPTURE(to_hz);
  const TemporaryFolder folder;
  const auto path = folder / "a.wav";
  const Waveform waveform = tone(44100 + 17, 44100);
  write_audio(waveform, path, SampleFormat::Float32);
  const auto expected = numbers<float>(ffmpeg(
      "-i '" + path.string() + "' -ar " + std::to_string(to_hz) +
      " -f f32le -c:a pcm_f32le -"));
  const Waveform resampled = resample(waveform, to_hz);
  CHECK(resampled.sample_rate_hz == to_hz);
  CHECK(difference(resampled.samples, expected) <= 1e-4);
}

TEST_CASE("resample keeps a tone, its length, and refuses senseless rates") {
  const Waveform waveform = tone(16000, 16000);
  const Waveform up = resample(waveform, 48000);
  const at::Tensor middle = up.samples.slice(0, 1000, 47000);
  const at::Tensor expected = tone(48000, 48000).samples.slice(0, 1000, 47000);
  CHECK((middle - expected).abs().max().item<double>() < 1e-3);
  CHECK(std::abs(up.samples.size(0) - 48000) <= 1);
  CHECK(resample(waveform, 16000).samples.is_same(waveform.samples));
  CHECK(resample(tone(1, 48000), 8000).samples.size(0) >= 1);
  CHECK_THROWS_WITH(
      resample(waveform, 0), omni::testing::Contains("[resample] expected rates of 1"));
}

TEST_CASE("what is written is read back, by us and by ffmpeg") {
  const TemporaryFolder folder;
  const Waveform waveform = tone(10007, 24000);
  struct Case {
    std::string name;
    SampleFormat format;
    double tolerance;
  };
  const auto test = GENERATE(values<Case>({
      {"a.wav", SampleFormat::Int16, 0.51 / 32768},
      {"a.wav", SampleFormat::Int24, 0.51 / 8388608},
      {"a.wav", SampleFormat::Float32, 0.0},
      {"a.flac", SampleFormat::Int16, 0.51 / 32768},
      {"A.FLAC", SampleFormat::Int24, 0.51 / 8388608},
  }));
  CAPTURE(test.name);
  const auto path = folder / test.name;
  write_audio(waveform, path, test.format);
  const Waveform back = read_audio(path);
  CHECK(back.sample_rate_hz == 24000);
  REQUIRE(back.samples.size(0) == 10007);
  CHECK((back.samples - waveform.samples).abs().max().item<double>() <= test.tolerance);
  CHECK(difference(back.samples, decode_mono(path, 1)) <= 1e-7);
}

TEST_CASE("loud samples are clipped, not wrapped") {
  const Waveform loud{at::tensor({2.0f, -2.0f, 1.0f, -1.0f}), 8000, ""};
  for (const auto& bytes : {encode_wav(loud), encode_flac(loud)}) {
    const Waveform back = decode_audio(bytes);
    CHECK(at::allclose(
        back.samples, at::tensor({1.0f, -1.0f, 1.0f, -1.0f}), 0, 1.01 / 32768));
  }
}

TEST_CASE("write_audio names what it cannot write") {
  const TemporaryFolder folder;
  const Waveform waveform = tone(100, 8000);
  CHECK_THROWS_WITH(
      write_audio(waveform, folder / "a.mp3"),
      omni::testing::Contains("expected a path that ends in .wav or .flac"));
  CHECK_THROWS_WITH(
      write_audio(waveform, folder / "no/such/a.wav"),
      omni::testing::Contains("[write_audio]") &&
          omni::testing::Contains("No such file"));
  CHECK_THROWS_WITH(
      encode_flac(waveform, SampleFormat::Float32),
      omni::testing::Contains("expected Int16 or Int24, got Float32"));
  CHECK_THROWS_WITH(
      encode_wav({at::full({3}, NAN), 8000, ""}),
      omni::testing::Contains("expected finite samples"));
}
