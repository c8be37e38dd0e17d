// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/wav.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "encoders/media/byte_reader.h"

namespace omni {

namespace {

using namespace std::string_view_literals;

constexpr int kTagPcm = 1;
constexpr int kTagFloat = 3;
constexpr int kTagExtensible = 0xFFFE;
constexpr uint32_t kUnknownSize = 0xFFFFFFFFu;
// Bytes 2 to 15 of the sub-format GUIDs whose first two are a format tag.
constexpr std::string_view kGuidTail =
    "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"sv;
constexpr int kMaxChannels = 64;
constexpr int64_t kMaxRateHz = 1'000'000;

static_assert(
    std::endian::native == std::endian::little,
    "samples are copied as they lie in the file");

void parse_format(std::string_view chunk, WavHeader& header, const MediaName& name) {
  ByteReader reader(chunk, name, "WAV format chunk");
  int tag = reader.u16_little();
  header.num_channels = reader.u16_little();
  header.sample_rate_hz = reader.u32_little();
  reader.skip(4);
  const int frame_bytes = reader.u16_little();
  header.bits = reader.u16_little();
  if (tag == kTagExtensible) {
    reader.skip(8); // extension size, valid bits, channel mask
    tag = reader.u16_little();
    if (reader.take(kGuidTail.size()) != kGuidTail) {
      tag = -1;
    }
  }
  header.is_float = tag == kTagFloat;
  const int bits = header.bits;
  const bool is_pcm =
      tag == kTagPcm && (bits == 8 || bits == 16 || bits == 24 || bits == 32);
  if (!is_pcm && !(header.is_float && (bits == 32 || bits == 64))) {
    name.fail_expected(
        "WAV samples of 8, 16, 24 or 32 bits, or float of 32 or 64",
        "format " + std::to_string(tag) + " of " + std::to_string(bits) + " bits",
        "Convert it to PCM.");
  }
  if (header.num_channels < 1 || header.num_channels > kMaxChannels) {
    name.fail_expected(
        "1 to 64 channels in the WAV", std::to_string(header.num_channels));
  }
  if (header.sample_rate_hz < 1 || header.sample_rate_hz > kMaxRateHz) {
    name.fail_expected(
        "a WAV sample rate of 1 to 1000000 Hz", std::to_string(header.sample_rate_hz));
  }
  if (frame_bytes != header.num_channels * bits / 8) {
    name.fail_expected(
        "WAV frames of " + std::to_string(header.num_channels * bits / 8) + " bytes",
        std::to_string(frame_bytes));
  }
}

double sample_at(const char* at, const WavHeader& header) {
  if (header.is_float) {
    if (header.bits == 64) {
      double value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
    float value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  if (header.bits == 8) {
    return (static_cast<uint8_t>(*at) - 128) / 128.0;
  }
  // The stored bytes become the high ones, which scales every width alike.
  const size_t num_bytes = static_cast<size_t>(header.bits) / 8;
  uint32_t high = 0;
  std::memcpy(reinterpret_cast<char*>(&high) + 4 - num_bytes, at, num_bytes);
  return static_cast<int32_t>(high) / 2147483648.0;
}

void append(std::string& out, uint32_t value, int num_bytes) {
  for (int i = 0; i < num_bytes; ++i) {
    out.push_back(static_cast<char>(value >> 8 * i & 0xFF));
  }
}

} // namespace

WavHeader parse_wav_header(std::string_view bytes, const MediaName& name) {
  ByteReader reader(bytes, name, "WAV chunk");
  if (reader.take(4) != "RIFF") {
    name.fail_expected("a WAV of less than 4 GiB", "another kind of RIFF");
  }
  const uint32_t riff_bytes = reader.u32_little();
  if (reader.take(4) != "WAVE") {
    name.fail_expected("a WAV file", "another kind of RIFF");
  }
  WavHeader header;
  bool has_format = false;
  for (;;) {
    if (reader.remaining() < 8) {
      name.fail_expected(
          has_format ? "a WAV data chunk" : "a WAV format chunk",
          "the end of the file");
    }
    const std::string_view type = reader.take(4);
    uint32_t length = reader.u32_little();
    if (type == "data") {
      if (!has_format) {
        name.fail_expected("a WAV format chunk before the data", "none");
      }
      const bool is_stream = length == kUnknownSize ||
          (length == 0 && (riff_bytes == 0 || riff_bytes == kUnknownSize));
      if (is_stream) {
        length =
            static_cast<uint32_t>(std::min<size_t>(reader.remaining(), kUnknownSize));
      }
      if (length > reader.remaining()) {
        name.fail_expected(
            std::to_string(length) + " bytes of WAV samples",
            std::to_string(reader.remaining()), "The file is truncated.");
      }
      const int64_t frame_bytes = header.num_channels * header.bits / 8;
      header.data_offset = reader.position();
      header.num_frames = length / frame_bytes;
      if (!is_stream && length % frame_bytes != 0) {
        name.fail_expected(
            "a whole number of WAV frames of " + std::to_string(frame_bytes) + " bytes",
            std::to_string(length) + " bytes");
      }
      return header;
    }
    const std::string_view chunk = reader.take(length);
    if (length % 2 == 1 && reader.remaining() > 0) {
      reader.skip(1);
    }
    if (type == "fmt ") {
      parse_format(chunk, header, name);
      has_format = true;
    }
  }
}

void wav_to_mono(
    std::string_view bytes,
    const WavHeader& header,
    const MediaName& name,
    float* out) {
  const size_t sample_bytes = static_cast<size_t>(header.bits) / 8;
  const char* at = bytes.data() + header.data_offset;
  for (int64_t i = 0; i < header.num_frames; ++i) {
    double sum = 0;
    for (int channel = 0; channel < header.num_channels; ++channel) {
      sum += sample_at(at, header);
      at += sample_bytes;
    }
    out[i] = static_cast<float>(sum / header.num_channels);
    if (!std::isfinite(out[i])) {
      name.fail_expected(
          "finite samples", "infinity or no number at sample " + std::to_string(i));
    }
  }
}

int32_t to_integer_sample(float sample, int bits) {
  const double scale = std::ldexp(1.0, bits - 1);
  return static_cast<int32_t>(
      std::clamp(std::nearbyint(sample * scale), -scale, scale - 1));
}

std::string make_wav(
    const float* samples,
    int64_t num_samples,
    int64_t sample_rate_hz,
    SampleFormat format) {
  const bool is_float = format == SampleFormat::Float32;
  const int bits = is_float ? 32 : format == SampleFormat::Int24 ? 24 : 16;
  const auto data_bytes = static_cast<uint32_t>(num_samples * bits / 8);
  const auto rate = static_cast<uint32_t>(sample_rate_hz);
  const uint32_t padding = data_bytes % 2;
  std::string wav;
  wav.reserve(64 + data_bytes);
  wav += "RIFF";
  append(wav, 4 + 24 + (is_float ? 12 : 0) + 8 + data_bytes + padding, 4);
  wav += "WAVEfmt ";
  append(wav, 16, 4);
  append(wav, is_float ? kTagFloat : kTagPcm, 2);
  append(wav, 1, 2);
  append(wav, rate, 4);
  append(wav, rate * static_cast<uint32_t>(bits) / 8, 4);
  append(wav, static_cast<uint32_t>(bits) / 8, 2);
  append(wav, static_cast<uint32_t>(bits), 2);
  if (is_float) { // the standard asks for the sample count of what is not PCM
    wav += "fact";
    append(wav, 4, 4);
    append(wav, static_cast<uint32_t>(num_samples), 4);
  }
  wav += "data";
  append(wav, data_bytes, 4);
  for (int64_t i = 0; i < num_samples; ++i) {
    const uint32_t value = is_float
        ? std::bit_cast<uint32_t>(samples[i])
        : static_cast<uint32_t>(to_integer_sample(samples[i], bits));
    append(wav, value, bits / 8);
  }
  wav.append(padding, '\0');
  return wav;
}

} // namespace omni
