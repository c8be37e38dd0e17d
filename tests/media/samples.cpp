// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/media/samples.h"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace omni::test {

namespace {

using namespace std::string_literals;

uint32_t crc32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc & 1 ? 0xEDB88320u ^ crc >> 1 : crc >> 1;
    }
  }
  return ~crc;
}

// A zlib stream of stored blocks.
std::string stored(std::string_view data) {
  std::string out = "\x78\x01";
  uint32_t a = 1;
  uint32_t b = 0;
  for (const char byte : data) {
    a = (a + static_cast<uint8_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  while (true) {
    const size_t count = std::min<size_t>(data.size(), 65535);
    out += count == data.size() ? '\x01' : '\0';
    out += little(count, 2) + little(~count & 0xFFFF, 2);
    out += data.substr(0, count);
    if (count == data.size()) {
      return out + big(b << 16 | a, 4);
    }
    data.remove_prefix(count);
  }
}

std::string from_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char c : text) {
    if (c == '=') {
      break;
    }
    bits = (bits << 6 | static_cast<uint32_t>(kDigits.find(c))) & 0xFFFFFF;
    num_bits += 6;
    if (num_bits >= 8) {
      num_bits -= 8;
      bytes.push_back(static_cast<char>(bits >> num_bits & 0xFF));
    }
  }
  return bytes;
}

} // namespace

std::string little(uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.push_back(static_cast<char>(value >> 8 * i & 0xFF));
  }
  return bytes;
}

std::string big(uint64_t value, int count) {
  std::string bytes = little(value, count);
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

std::string patched(std::string bytes, size_t offset, std::string_view patch) {
  return bytes.replace(offset, patch.size(), patch);
}

std::string png_chunk(std::string_view type, std::string_view data) {
  std::string body(type);
  body += data;
  return big(data.size(), 4) + body + big(crc32(body), 4);
}

std::string png_header(uint32_t width, uint32_t height, int bits, int color_type) {
  return png_chunk(
      "IHDR",
      big(width, 4) + big(height, 4) + static_cast<char>(bits) +
          static_cast<char>(color_type) + "\0\0\0"s);
}

std::string make_png(const PngSpec& spec) {
  std::string header = png_header(spec.width, spec.height, spec.bits, spec.color_type);
  std::string data = spec.rows;
  if (spec.is_interlaced) {
    header = png_chunk("IHDR", header.substr(8, 12) + "\x01");
  } else {
    data.clear();
    const size_t row = spec.rows.size() / spec.height;
    for (size_t y = 0; y < spec.height; ++y) {
      data += '\0' + spec.rows.substr(y * row, row);
    }
  }
  std::string png(kPngSignature);
  png += header;
  for (const auto& [type, content] :
       {std::pair{"PLTE", spec.palette}, std::pair{"tRNS", spec.transparency},
        std::pair{"eXIf", spec.exif}}) {
    if (!content.empty()) {
      png += png_chunk(type, content);
    }
  }
  return png + png_chunk("IDAT", stored(data)) + std::string(kPngEnd);
}

std::string exif_with_orientation(int orientation) {
  return "MM\0*"s + big(8, 4) + big(1, 2) + big(0x112, 2) + big(3, 2) + big(1, 4) +
      big(static_cast<uint64_t>(orientation), 2) + big(0, 6);
}

std::string
with_segment(const std::string& jpeg, int marker, std::string_view content) {
  return jpeg.substr(0, 2) + '\xFF' + static_cast<char>(marker) +
      big(content.size() + 2, 2) + std::string(content) + jpeg.substr(2);
}

std::string make_bmp(const BmpSpec& spec) {
  // Channel masks beyond the first 40 bytes belong to a longer header.
  const bool has_long_header = spec.compression == 3 && spec.masks.size() == 16;
  const uint32_t info = has_long_header ? 108 : 40;
  const std::string tail =
      has_long_header ? spec.masks + std::string(52, '\0') : spec.masks;
  const auto offset = static_cast<uint32_t>(14 + 40 + tail.size());
  uint32_t num_colors = 0;
  if (spec.bits <= 8) {
    num_colors = static_cast<uint32_t>(spec.masks.size() / 4);
  }
  return "BM" + little(offset + spec.rows.size(), 4) + little(0, 4) +
      little(offset, 4) + little(info, 4) +
      little(static_cast<uint32_t>(spec.width), 4) +
      little(static_cast<uint32_t>(spec.height), 4) + little(1, 2) +
      little(static_cast<uint32_t>(spec.bits), 2) + little(spec.compression, 4) +
      little(spec.rows.size(), 4) + little(2835, 4) + little(2835, 4) +
      little(num_colors, 4) + little(0, 4) + tail + spec.rows;
}

std::string make_wav_file(const WavSpec& spec) {
  const auto frame_bytes = static_cast<uint32_t>(spec.num_channels * spec.bits / 8);
  const uint64_t declared = spec.declared_bytes < 0
      ? spec.data.size()
      : static_cast<uint64_t>(spec.declared_bytes);
  const std::string format = little(static_cast<uint32_t>(spec.tag), 2) +
      little(static_cast<uint32_t>(spec.num_channels), 2) +
      little(spec.sample_rate_hz, 4) + little(spec.sample_rate_hz * frame_bytes, 4) +
      little(frame_bytes, 2) + little(static_cast<uint32_t>(spec.bits), 2);
  return "RIFF" + little(36 + declared, 4) + "WAVEfmt " + little(16, 4) + format +
      "data" + little(declared, 4) + spec.data;
}

std::string mp4_box(std::string_view type, std::string_view content) {
  return big(8 + content.size(), 4) + std::string(type) + std::string(content);
}

std::string ogg_page(std::string_view content, int flags, uint32_t stream) {
  return "OggS\0"s + static_cast<char>(flags) + std::string(8, '\0') +
      little(stream, 4) + std::string(8, '\0') + "\x01" +
      static_cast<char>(content.size()) + std::string(content);
}

std::string adts_frame(size_t num_bytes) {
  std::string frame = "\xFF\xF1\x50" + big(num_bytes << 5 | 0x1F, 3) + "\xFC";
  frame[3] = static_cast<char>(frame[3] | '\x80');
  frame.resize(num_bytes, '\0');
  return frame;
}

std::string sample(const std::string& name) {
  static const std::map<std::string, std::string_view> kFiles = {
      {"rgb.jpg",
       "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUG"
       "BgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYH"
       "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAAR"
       "CAAIABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABwj/xAAUEAEAAAAAAAAAAAAA"
       "AAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAACQf/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oA"
       "DAMBAAIRAxEAPwCR0fKgPzeArf/Z"},
      {"progressive.jpg",
       "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUG"
       "BgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYH"
       "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wgAR"
       "CAAIABADASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAYH/8QAFAEBAAAAAAAAAAAA"
       "AAAAAAAABv/aAAwDAQACEAMQAAAByOfH7P8A/8QAFBABAAAAAAAAAAAAAAAAAAAAEP/aAAgB"
       "AQABBQI//8QAGBEAAgMAAAAAAAAAAAAAAAAAAAdEg8P/2gAIAQMBAT8BdUC3M//EABgRAAID"
       "AAAAAAAAAAAAAAAAAAAHRIPD/9oACAECAQE/AU3Or0P/xAAUEAEAAAAAAAAAAAAAAAAAAAAQ"
       "/9oACAEBAAY/Aj//xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAE/IT//2gAMAwEAAgAD"
       "AAAAEAP/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oACAEDAQE/EAf/xAAUEQEAAAAAAAAAAAAA"
       "AAAAAAAA/9oACAECAQE/EFf/xAAUEAEAAAAAAAAAAAAAAAAAAAAQ/9oACAEBAAE/ED//2Q=="},
      {"cmyk.jpg",
       "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYG"
       "BQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAQBEMRAE0RAFkRAEsR"
       "AP/EABYAAQEBAAAAAAAAAAAAAAAAAAkKCP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMA"
       "TQBZAEsAAD8AfwbY2zWIjzILIGX3/9k="},
      {"grey.jpg",
       "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUG"
       "BgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAIABABAREA/8QAFQAB"
       "AQAAAAAAAAAAAAAAAAAACQr/xAAXEAADAQAAAAAAAAAAAAAAAAAACUSC/9oACAEBAAA/ADfW"
       "3BkoAW3Bk//Z"},
      {"alpha.webp",
       "UklGRj4AAABXRUJQVlA4TDIAAAAvD8ABEBcgEEgC2x9kKoFAEsT+FAOKBZMB5n8FIyBJ8HnP"
       "i/oPgkCAMGnSqYOI/ofBAw=="},
      {"exif.webp",
       "UklGRnYAAABXRUJQVlA4WAoAAAAIAAAADwAABwAAVlA4IDYAAADQAQCdASoQAAgAAMASJaAC"
       "dLoB+AADsAD++o///p15f+dg/uwu/v/dhf/7jy+ej/ceX6mgAABFWElGGgAAAE1NACoAAAAI"
       "AAEBEgADAAAAAQAGAAAAAAAA"},
      {"lossy.webp",
       "UklGRkIAAABXRUJQVlA4IDYAAADQAQCdASoQAAgAAMASJaACdLoB+AADsAD++o///p15f+dg"
       "/uwu/v/dhf/7jy+ej/ceX6mgAAA="},
      {"animated.webp",
       "UklGRqAAAABXRUJQVlA4WAoAAAACAAAADwAABwAAQU5JTQYAAAAAAAAAAABBTk1GNgAAAAAA"
       "AAAAAA8AAAcAAAAAAAJWUDhMHQAAAC8PwAEAD3Ae8VPQnol7/oMHYsFk/tKdKUT0PzIAAEFO"
       "TUY2AAAAAAAAAAAADwAABwAAAAAAAFZQOEwdAAAALw/AAQAPcB7xU9CeiXv+gwdiwSR/6Z0p"
       "RPQ/MgAA"},
  };
  const auto found = kFiles.find(name);
  if (found == kFiles.end()) {
    throw std::runtime_error("no sample named " + name);
  }
  return from_base64(found->second);
}

} // namespace omni::test
