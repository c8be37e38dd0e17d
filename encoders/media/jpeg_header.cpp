// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// JPEG (ITU T.81): marker segments up to the end of the image. Sequential and
// progressive Huffman coding of 8 bits; 1, 3 or 4 components (4 with Adobe's marker).
#include <algorithm>
#include <vector>

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

// First and last coefficient and their bits in a sequential scan header.
constexpr std::string_view kBand = "\x00\x3F\x00"sv;

struct Component {
  int id = 0;
  int across = 1; // samples, of those of the finest component
  int down = 1;
  bool has_data = false; // a scan with its mean values
};

struct Frame {
  bool is_progressive = false;
  std::vector<Component> components;
};

bool is_frame(int marker) {
  return marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg &&
      marker != kDac;
}

Frame parse_frame(
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
  Frame frame;
  frame.is_progressive = marker == kSof2;
  header.bits = reader.u8();
  header.height = reader.u16_big();
  header.width = reader.u16_big();
  header.num_channels = reader.u8();
  for (int i = 0; i < header.num_channels; ++i) {
    Component component;
    component.id = reader.u8();
    const int factors = reader.u8();
    component.across = factors >> 4;
    component.down = factors & 15;
    reader.skip(1);
    if (component.across < 1 || component.across > 4 || component.down < 1 ||
        component.down > 4) {
      name.fail_expected(
          "JPEG sampling factors of 1 to 4",
          std::to_string(component.across) + "x" + std::to_string(component.down));
    }
    frame.components.push_back(component);
  }
  if (header.bits != 8) {
    name.fail_expected("a JPEG of 8 bits", std::to_string(header.bits) + " bits");
  }
  if (header.num_channels != 1 && header.num_channels != 3 &&
      header.num_channels != 4) {
    name.fail_expected(
        "a JPEG of 1, 3 or 4 components", std::to_string(header.num_channels));
  }
  return frame;
}

// Notes which components a scan brings the mean values of. What follows the components
// in a sequential scan is fixed, but wrong in some cameras' files, which decoders
// remark upon: returns whether it is.
bool parse_scan(std::string_view segment, Frame& frame, const MediaName& name) {
  ByteReader reader(segment, name, "JPEG scan header");
  std::string ids;
  for (int i = reader.u8(); i > 0; --i) {
    ids += static_cast<char>(reader.u8());
    reader.skip(1);
  }
  const std::string_view band = reader.take(kBand.size());
  const bool has_means = !frame.is_progressive || band[0] == 0;
  for (Component& component : frame.components) {
    component.has_data |=
        has_means && ids.find(static_cast<char>(component.id)) != ids.npos;
  }
  return !frame.is_progressive && band != kBand && reader.remaining() == 0;
}

// A lower bound of the bytes that the scans hold: in each block of 8x8 a bit for its
// mean and, in a sequential JPEG, one for the end of the block. A progressive one may
// say of many blocks at once that nothing follows.
int64_t min_scan_bytes(const ImageHeader& header, const Frame& frame) {
  int64_t across = 1;
  int64_t down = 1;
  for (const Component& component : frame.components) {
    across = std::max<int64_t>(across, component.across);
    down = std::max<int64_t>(down, component.down);
  }
  int64_t num_blocks = 0;
  for (const Component& component : frame.components) {
    num_blocks += (header.width * component.across + 8 * across - 1) / (8 * across) *
        ((header.height * component.down + 8 * down - 1) / (8 * down));
  }
  return num_blocks * (frame.is_progressive ? 1 : 2) / 8;
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
  Frame frame;
  bool has_adobe = false;
  int64_t num_scan_bytes = 0;
  size_t num_copied = 0; // bytes that header.stripped has, or leaves out
  const auto leave_out = [&](size_t begin, size_t end) {
    header.stripped.append(bytes.substr(num_copied, begin - num_copied));
    num_copied = end;
  };
  for (size_t segment_end = reader.position();;) {
    // Bytes between segments are passed over up to the next marker, as decoders do.
    while (reader.u8() != 0xFF) {
    }
    int marker = reader.u8();
    while (marker == 0xFF) {
      marker = reader.u8();
    }
    if (marker == 0) {
      continue;
    }
    if (const size_t at = reader.position() - 2; at > segment_end) {
      leave_out(segment_end, at);
    }
    segment_end = reader.position();
    if (marker == kEoi) {
      break;
    }
    if (marker == kTem || (marker >= kRst0 && marker <= kRst7)) {
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
    segment_end = reader.position();
    if (is_frame(marker)) {
      if (header.num_channels != 0) {
        name.fail_expected("one frame in the JPEG", "a second frame header");
      }
      frame = parse_frame(marker, segment, header, name);
    } else if (marker == kApp1 && segment.starts_with("Exif\0\0"sv)) {
      header.orientation = exif_orientation(segment.substr(6));
    } else if (marker == kApp14 && segment.starts_with("Adobe"sv)) {
      has_adobe = true;
    } else if (marker == kSos) {
      if (header.num_channels == 0) {
        name.fail_expected("a JPEG frame header before the data", "none");
      }
      if (parse_scan(segment, frame, name)) {
        leave_out(segment_end - kBand.size(), segment_end);
        header.stripped.append(kBand);
      }
      const size_t scan_begin = segment_end;
      segment_end = end_of_scan(bytes, scan_begin, name);
      num_scan_bytes += static_cast<int64_t>(segment_end - scan_begin);
      reader.seek(segment_end);
    }
  }
  for (const Component& component : frame.components) {
    if (!component.has_data) {
      name.fail_expected(
          "picture data in the JPEG", "none for one of its components",
          "The file is truncated or damaged.");
    }
  }
  if (frame.components.empty()) {
    name.fail_expected("picture data in the JPEG", "none");
  }
  if (header.num_channels == 4 && !has_adobe) {
    name.fail_expected(
        "Adobe's marker in a JPEG of four inks", "none",
        "Without it the inks cannot be told; convert the picture to RGB.");
  }
  if (const int64_t least = min_scan_bytes(header, frame); num_scan_bytes < least) {
    name.fail_expected(
        "at least " + std::to_string(least) + " bytes of data for the " +
            std::to_string(header.width) + "x" + std::to_string(header.height) +
            " pixels the JPEG header declares",
        std::to_string(num_scan_bytes), "The file is truncated or damaged.");
  }
  if (num_copied > 0 || reader.remaining() > 0) {
    leave_out(reader.position(), bytes.size());
  }
  return header;
}

} // namespace omni
