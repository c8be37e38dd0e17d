// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Sounds that are not what they claim to be.
#include "encoders/media/audio_io.h"
#include "omni/core/errors.h"
#include "tests/media/bad_media.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using namespace omni::test;
using namespace std::string_literals;

namespace {

// A sound of two seconds as the ffmpeg program writes it.
std::string encoded(
    const TemporaryFolder& folder,
    const std::string& name,
    const std::string& encoder) {
  const auto path = folder / name;
  ffmpeg(
      "-f lavfi -i 'aevalsrc=0.4*sin(440*2*PI*t):s=44100:d=2' " + encoder + " '" +
      path.string() + "'");
  return read_bytes(path);
}

std::string front(const std::string& bytes, double part) {
  return bytes.substr(0, static_cast<size_t>(static_cast<double>(bytes.size()) * part));
}

} // namespace

TEST_CASE("files that are no sounds are refused") {
  check_refused(
      Reader::Audio,
      {
          {"empty.wav", "", "got no bytes at all"},
          {"text.mp3", "la la la\n", "got plain text"},
          {"list.m3u8", "#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n", "playlist"},
          {"list.mp3", "[playlist]\nFile1=/etc/passwd\n", "got a playlist"},
          {"concat.wav", "ffconcat version 1.0\nfile /etc/passwd\n", "got a playlist"},
          {"stream.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\n", "got a playlist"},
          {"picture.wav", sample("rgb.jpg"), "Use read_image()."},
          {"noise.flac", std::string(500, '\1'), "bytes of an unknown format"},
          {"midi.wav", "MThd\0\0\0\6"s, "bytes of an unknown format"},
      });
}

TEST_CASE("damaged and lying WAVs are refused") {
  const std::string wav = make_wav_file({1, 1, 8000, 16, std::string(400, 'x')});
  const std::string nan = make_wav_file({3, 1, 8000, 32, "\0\0\xC0\x7F"s});
  const std::string data_first =
      "RIFF" + little(20, 4) + "WAVEdata" + little(4, 4) + "abcd";
  std::string extensible = make_wav_file({0xFFFE, 1, 8000, 16, "abcd"});
  extensible = patched(extensible, 16, little(40, 4));
  extensible.insert(
      36, little(22, 2) + little(16, 2) + little(4, 4) + std::string(16, 'g'));
  check_refused(
      Reader::Audio,
      {
          {"head.wav", wav.substr(0, 12), "expected a WAV format chunk"},
          {"cut-format.wav", wav.substr(0, 30), "truncated or damaged"},
          {"no-data.wav", wav.substr(0, 36), "expected a WAV data chunk"},
          {"cut.wav", wav.substr(0, 200), "400 bytes of WAV samples, got 156"},
          {"lie.wav", make_wav_file({1, 1, 8000, 16, "abcd", 2'000'000'000}),
           "2000000000 bytes of WAV samples, got 4"},
          {"silent.wav", make_wav_file({}), "expected at least one sample, got none"},
          {"law.wav", make_wav_file({7, 1, 8000, 8, "abcd"}), "format 7 of 8 bits"},
          {"adpcm.wav", make_wav_file({2, 1, 8000, 4, "abcd"}), "format 2 of 4 bits"},
          {"bits.wav", make_wav_file({1, 1, 8000, 12, "abcd"}), "format 1 of 12 bits"},
          {"mute.wav", make_wav_file({1, 0, 8000, 16, "abcd"}), "1 to 64 channels"},
          {"crowd.wav", make_wav_file({1, 900, 8000, 16, "abcd"}), "got 900"},
          {"still.wav", make_wav_file({1, 1, 0, 16, "abcd"}), "got 0."},
          {"fast.wav", make_wav_file({1, 1, 4000000000u, 16, "abcd"}),
           "got 4000000000"},
          {"block.wav", patched(wav, 32, "\7"), "WAV frames of 2 bytes, got 7"},
          {"odd.wav", make_wav_file({1, 1, 8000, 16, "abc"}),
           "whole number of WAV frames"},
          {"nan.wav", nan, "infinity or no number at sample 0"},
          {"order.wav", data_first, "format chunk before the data"},
          {"guid.wav", extensible, "format -1 of 16 bits"},
          {"rf64.wav", patched(wav, 0, "RF64"), "a WAV of less than 4 GiB"},
      });
}

TEST_CASE("damaged and lying compressed sounds are refused") {
  const TemporaryFolder folder;
  const std::string flac = encoded(folder, "a.flac", "-c:a flac");
  const std::string mp3 = encoded(folder, "a.mp3", "-c:a libmp3lame");
  const std::string ogg = encoded(folder, "a.ogg", "-c:a libvorbis");
  const std::string opus = encoded(folder, "a.opus", "-ar 48000 -c:a libopus");
  const std::string m4a = encoded(folder, "a.m4a", "-c:a aac");
  const std::string fast = encoded(folder, "b.m4a", "-c:a aac -movflags +faststart");
  const std::string aac = encoded(folder, "a.aac", "-c:a aac");
  // Without the frame count of a Xing header, and without a tag before the frames.
  const std::string plain =
      encoded(folder, "plain.mp3", "-c:a libmp3lame -write_xing 0 -id3v2_version 0");
  const std::string tagged =
      encoded(folder, "tagged.mp3", "-c:a libmp3lame -write_xing 0 -metadata title=x");
  std::string noise = aac;
  for (size_t i = 400; i < noise.size(); ++i) {
    noise[i] = static_cast<char>(noise[i] ^ static_cast<char>(i * 37));
  }
  check_refused(
      Reader::Audio,
      {
          {"cut.flac", front(flac, 0.6), "The file is truncated"},
          {"head.flac", flac.substr(0, 42), "a FLAC file that can be opened, got '"},
          {"magic.flac", "fLaC", "a FLAC file that can be opened, got '"},
          {"cut.mp3", front(mp3, 0.5), "The file is truncated"},
          {"sync.mp3", "\xFF\xFB\x90\x64" + std::string(2000, 'x'),
           "an MP3 file that can be opened, got '"},
          {"tag.mp3", "ID3\x04\0\0\0\0\x10\0"s + std::string(2048, '\0'),
           "an MP3 file that can be opened, got '"},
          {"cut-plain.mp3", plain.substr(0, plain.size() - 1), "last sound frame"},
          // Of frames of 208 and 209 bytes; a cut between two of them cannot be told.
          {"cut-more.mp3", plain.substr(0, plain.size() - 100),
           "of the last sound frame"},
          {"cut-tagged.mp3", tagged.substr(0, tagged.size() - 100),
           "of the last sound frame"},
          {"cut.aac", aac.substr(0, aac.size() - 1), "of the last sound frame"},
          {"half.aac", front(aac, 0.5), "The file is truncated"},
          {"cut-page.ogg", ogg.substr(0, ogg.rfind("OggS")), "a last page of each"},
          {"cut-page.opus", opus.substr(0, opus.rfind("OggS")), "a last page of each"},
          {"cut.ogg", front(ogg, 0.5), "The file is truncated"},
          {"head.ogg", ogg.substr(0, 58), "a last page of each"},
          {"torn.ogg", front(ogg, 0.4) + ogg.substr(ogg.size() / 2), "Ogg page"},
          {"cut.opus", front(opus, 0.5), "The file is truncated"},
          {"page.ogg", ogg_page("what is this"),
           "an Ogg file that can be opened, got '"},
          {"cut.m4a", front(m4a, 0.5), "The file is truncated"},
          {"cut-fast.m4a", front(fast, 0.7), "The file is truncated"},
          {"no-index.m4a", mp4_box("ftyp", "M4A ") + mp4_box("mdat", "abc"), "moov"},
          {"empty.m4a", mp4_box("ftyp", "M4A ") + mp4_box("moov", ""),
           "an MP4 or MOV file that can be opened, got '"},
          {"sync.aac", "\xFF\xF1\x50\x80\x02\x1F\xFC" + std::string(300, 'x'),
           "a sound stream in an AAC file, got none."},
          {"noise.aac", noise, "packets that can be decoded, got "},
      });
}

TEST_CASE("paths that hold no sound file are refused") {
  check_no_file_refused(Reader::Audio);
}

TEST_CASE("a budget holds for sounds") {
  const TemporaryFolder folder;
  encoded(folder, "a.wav", "");
  encoded(folder, "a.mp3", "-c:a libmp3lame");
  for (const auto* name : {"a.wav", "a.mp3"}) {
    CAPTURE(name);
    MediaBudget budget;
    budget.max_audio_seconds = 1;
    CHECK_THROWS_WITH(
        read_audio(folder / name, budget),
        omni::testing::Contains("at most 1 s of sound"));
    budget.max_audio_seconds = 3;
    CHECK_NOTHROW(read_audio(folder / name, budget));
    budget.max_bytes = 100;
    CHECK_THROWS_WITH(
        read_audio(folder / name, budget),
        omni::testing::Contains("at most 100 bytes"));
  }
  MediaBudget hurry;
  hurry.max_wall_seconds = 0;
  CHECK_THROWS_WITH(
      read_audio(folder / "a.mp3", hurry),
      omni::testing::Contains("to end within 0 s"));
  MediaBudget small;
  small.max_decoded_bytes = 1000;
  CHECK_THROWS_WITH(
      read_audio(folder / "a.mp3", small),
      omni::testing::Contains("1000 bytes of decoded"));
}
