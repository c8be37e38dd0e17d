// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// JPEG (ITU T.81): marker segments up to the end of the image. Sequential and
// progressive Huffman coding of 8 bits; 1, 3 or 4 components (4 with Adobe's marker).
#include "encoders/media/byte_reader.h"
#include "encoders/media/exif.h"
#include "encoders/media/image_header.h"

namespace omni {

namespace {

using namespace std::string_view_literals;

enum Marker : int {
  kSof0 = 0xC0,
  kSof2 = 0xC2,
  kDht = 0xC4,
  kJpg = 0xC8,
  kDac = 0xCC,
  kSof15 = 0xCF,
  kRst0 = 0xD0,
  kRst7 = 0xD7,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kApp1 = 0xE1,
  kApp14 = 0xEE,
  kTem = 0x01,
};

// A block of 8x8 takes at least one bit (its DC difference).
constexpr int64_t kMaxPixelsPerByte = 8 * 64;

bool is_frame(int marker) {
  return marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg &&
      marker != kDac;
}

void parse_frame(
    int marker,
    std::string_view segment,
    ImageHeader& header,
    const MediaName& name) {
  if (marker > kSof2) {
    name.fail_expected(
        "a JPEG with sequential or progressive Huffman coding",
        "a lossless, hierarchical or arithmetic-coded one");
  }
  ByteReader reader(segment, name, "JPEG frame header");
  header.bits = reader.u8();
  header.height = reader.u16_big();
  header.width = reader.u16_big();
  header.num_channels = reader.u8();
  reader.skip(3 * static_cast<size_t>(header.num_channels));
  if (header.bits != 8) {
    name.fail_expected("a JPEG of 8 bits", std::to_string(header.bits) + " bits");
  }
  if (header.num_channels != 1 && header.num_channels != 3 &&
      header.num_channels != 4) {
    name.fail_expected(
        "a JPEG of 1, 3 or 4 components", std::to_string(header.num_channels));
  }
}

// Position of the marker that ends the entropy-coded data: not a stuffed zero, not a
// restart.
size_t end_of_scan(std::string_view bytes, size_t begin, const MediaName& name) {
  for (size_t at = bytes.find('\xFF', begin); at != bytes.npos && at + 1 < bytes.size();
       at = bytes.find('\xFF', at + 1)) {
    const int next = static_cast<uint8_t>(bytes[at + 1]);
    if (next != 0 && next != 0xFF && (next < kRst0 || next > kRst7)) {
      return at;
    }
  }
  name.fail_expected(
      "an end marker in the JPEG", "the end of the file", "The file is truncated.");
}

} // namespace

ImageHeader parse_jpeg_header(std::string_view bytes, const MediaName& name) {
  ImageHeader header;
  header.kind = MediaKind::Jpeg;
  header.num_channels = 0;
  ByteReader reader(bytes, name, "JPEG segment");
  reader.skip(2);
  bool has_adobe = false;
  bool has_scan = false;
  for (;;) {
    // Bytes between segments are passed over up to the next marker, as decoders do.
    while (reader.u8() != 0xFF) {
    }
    int marker = reader.u8();
    while (marker == 0xFF) {
      marker = reader.u8();
    }
    if (marker == kEoi) {
      break;
    }
    if (marker == 0 || marker == kTem || (marker >= kRst0 && marker <= kRst7)) {
      continue;
    }
    if (marker == kSoi) {
      name.fail_expected("one picture in the JPEG", "a second start marker");
    }
    const size_t length = reader.u16_big();
    if (length < 2) {
      name.fail_expected("a JPEG segment of at least 2 bytes", std::to_string(length));
    }
    const std::string_view segment = reader.take(length - 2);
    if (is_frame(marker)) {
      if (header.num_channels != 0) {
        name.fail_expected("one frame in the JPEG", "a second frame header");
      }
      parse_frame(marker, segment, header, name);
    } else if (marker == kApp1 && segment.starts_with("Exif\0\0"sv)) {
      header.orientation = exif_orientation(segment.substr(6));
    } else if (marker == kApp14 && segment.starts_with("Adobe"sv)) {
      has_adobe = true;
    } else if (marker == kSos) {
      if (header.num_channels == 0) {
        name.fail_expected("a JPEG frame header before the data", "none");
      }
      has_scan = true;
      reader.seek(end_of_scan(bytes, reader.position(), name));
    }
  }
  if (!has_scan) {
    name.fail_expected("picture data in the JPEG", "none");
  }
  if (header.num_channels == 4 && !has_adobe) {
    name.fail_expected(
        "Adobe's marker in a JPEG of four inks", "none",
        "Without it the inks cannot be told; convert the picture to RGB.");
  }
  if (header.width * header.height >
      static_cast<int64_t>(bytes.size()) * kMaxPixelsPerByte) {
    name.fail_expected(
        "enough data for the " + std::to_string(header.width) + "x" +
            std::to_string(header.height) + " pixels the JPEG header declares",
        std::to_string(bytes.size()) + " bytes");
  }
  if (reader.remaining() > 0) {
    header.stripped.assign(bytes.substr(0, reader.position()));
  }
  return header;
}

} // namespace omni
