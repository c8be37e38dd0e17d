// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// PNG (third edition): chunks of length, type, data and CRC. Only the chunks that
// change pixels are passed on, which also keeps libpng from warning about the rest.
#include <array>

#include "encoders/media/byte_reader.h"
#include "encoders/media/exif.h"
#include "encoders/media/image_header.h"

namespace omni {

namespace {

constexpr size_t kSignatureBytes = 8;
// Deflate cannot expand by more than this.
constexpr int64_t kMaxDeflateRatio = 1032;

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = value & 1 ? 0xEDB88320u ^ value >> 1 : value >> 1;
    }
    table[i] = value;
  }
  return table;
}

uint32_t crc32(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc_table();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF] ^ crc >> 8;
  }
  return ~crc;
}

bool is_legal(int color_type, int bits) {
  switch (color_type) {
    case 0: // grey
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
    case 3: // palette
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case 2: // colour
    case 4: // grey and alpha
    case 6: // colour and alpha
      return bits == 8 || bits == 16;
    default:
      return false;
  }
}

struct Ihdr {
  int color_type = 0;
  bool is_interlaced = false;
};

Ihdr parse_ihdr(std::string_view data, ImageHeader& header, const MediaName& name) {
  ByteReader reader(data, name, "PNG header");
  header.width = reader.u32_big();
  header.height = reader.u32_big();
  header.bits = reader.u8();
  const int color_type = reader.u8();
  const int compression = reader.u8();
  const int filter = reader.u8();
  const int interlace = reader.u8();
  if (header.width == 0 || header.height == 0 || header.width > INT32_MAX ||
      header.height > INT32_MAX || !is_legal(color_type, header.bits) ||
      compression != 0 || filter != 0 || interlace > 1) {
    name.fail_expected(
        "a legal PNG header",
        std::to_string(header.width) + "x" + std::to_string(header.height) +
            " with colour type " + std::to_string(color_type) + " of " +
            std::to_string(header.bits) + " bits");
  }
  constexpr std::array<int, 7> kChannels = {1, 0, 3, 1, 2, 0, 4};
  header.num_channels = kChannels[static_cast<size_t>(color_type)];
  header.has_alpha = color_type == 4 || color_type == 6;
  return {color_type, interlace == 1};
}

// Bytes after inflating, without those of interlacing: a lower bound.
int64_t raw_bytes(const ImageHeader& header) {
  const int64_t bits_a_row = header.width * header.num_channels * header.bits;
  return header.height * ((bits_a_row + 7) / 8 + 1);
}

} // namespace

ImageHeader parse_png_header(std::string_view bytes, const MediaName& name) {
  ImageHeader header;
  header.kind = MediaKind::Png;
  ByteReader reader(bytes, name, "PNG chunk");
  reader.skip(kSignatureBytes);
  Ihdr ihdr;
  int64_t num_idat_bytes = 0;
  bool has_palette = false;
  for (bool is_first = true, is_done = false; !is_done; is_first = false) {
    const size_t begin = reader.position();
    const uint32_t length = reader.u32_big();
    const std::string_view type = reader.take(4);
    if (is_first != (type == "IHDR") || (is_first && length != 13)) {
      name.fail_expected("a PNG with one header, first", "other chunks in its place");
    }
    const std::string_view data = reader.take(length);
    if (reader.u32_big() != crc32(bytes.substr(begin + 4, length + 4ULL))) {
      name.fail_expected(
          "a PNG whose chunks match their checksums",
          "a damaged chunk at byte " + std::to_string(begin));
    }
    bool is_kept = true;
    if (is_first) {
      ihdr = parse_ihdr(data, header, name);
      header.stripped.assign(bytes.substr(0, kSignatureBytes));
    } else if (type == "PLTE") {
      has_palette = true;
    } else if (type == "tRNS") {
      if (ihdr.color_type == 0 && length == 2) {
        header.transparent_grey =
            static_cast<uint8_t>(data[0]) << 8 | static_cast<uint8_t>(data[1]);
      }
      header.has_alpha |= ihdr.color_type != 0;
    } else if (type == "IDAT") {
      num_idat_bytes += length;
    } else if (type == "IEND") {
      is_done = true;
    } else if (type == "eXIf") {
      header.orientation = exif_orientation(data);
      is_kept = false;
    } else if (!(type[0] & 0x20)) {
      name.fail_expected("a PNG with known chunks", "an unknown critical chunk");
    } else {
      is_kept = false;
    }
    if (is_kept) {
      header.stripped.append(bytes.substr(begin, reader.position() - begin));
    }
  }
  if (ihdr.color_type == 3 && !has_palette) {
    name.fail_expected("a palette in a PNG that says it has one", "none");
  }
  if (num_idat_bytes * kMaxDeflateRatio < raw_bytes(header)) {
    name.fail_expected(
        "enough data for the " + std::to_string(header.width) + "x" +
            std::to_string(header.height) + " pixels the PNG header declares",
        std::to_string(num_idat_bytes) + " bytes");
  }
  return header;
}

} // namespace omni
