// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// BMP: a file header, one of several information headers told apart by their size, a
// palette, rows of pixels padded to 4 bytes.
#include "encoders/media/byte_reader.h"
#include "encoders/media/image_header.h"

namespace omni {

namespace {

enum Compression : uint32_t { kRgb = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3 };

constexpr uint32_t kCoreHeaderBytes = 12;
constexpr uint32_t kInfoHeaderBytes = 40;
constexpr uint32_t kMaxHeaderBytes = 124;
constexpr uint32_t kAlphaMaskOffset = 52; // in the information header

// Pixels that a run-length stream sets, found without decoding it. The format lets an
// encoder leave pixels out (an early end of a row or of the picture, a leap), which
// then have no value: the same bytes are a picture cut short, or a few of them claim
// any size. So only pixels that are set count.
int64_t num_pixels_set(std::string_view stream, const ImageHeader& header, int bits) {
  size_t at = 0;
  const auto next = [&] {
    return static_cast<int64_t>(static_cast<uint8_t>(stream[at++]));
  };
  int64_t x = 0;
  int64_t y = 0;
  int64_t num_set = 0;
  while (y < header.height && num_set < header.width * header.height &&
         at + 2 <= stream.size()) {
    const int64_t run = next();
    const int64_t code = next();
    if (run == 0 && code == 0) { // end of the row
      x = 0;
      ++y;
    } else if (run == 0 && code == 1) { // end of the picture
      break;
    } else if (run == 0 && code == 2) { // a leap
      if (at + 2 > stream.size()) {
        break;
      }
      x += next();
      y += next();
    } else {
      const int64_t count = run > 0 ? run : code;
      if (x == header.width) { // decoders do without the end of a full row
        x = 0;
        ++y;
      }
      // Pixels as they are take whole pairs of bytes.
      const int64_t num_bytes = run > 0 ? 0 : ((count * bits + 7) / 8 + 1) / 2 * 2;
      if (y >= header.height || x + count > header.width ||
          num_bytes > static_cast<int64_t>(stream.size() - at)) {
        break;
      }
      at += static_cast<size_t>(num_bytes);
      x += count;
      num_set += count;
    }
  }
  return num_set;
}

} // namespace

ImageHeader parse_bmp_header(std::string_view bytes, const MediaName& name) {
  ImageHeader header;
  header.kind = MediaKind::Bmp;
  ByteReader reader(bytes, name, "BMP header");
  reader.skip(10);
  const uint32_t pixels_offset = reader.u32_little();
  const size_t info = reader.position();
  const uint32_t info_bytes = reader.u32_little();
  uint32_t compression = kRgb;
  if (info_bytes == kCoreHeaderBytes) {
    header.width = reader.u16_little();
    header.height = reader.u16_little();
    reader.skip(2);
    header.bits = reader.u16_little();
  } else if (info_bytes >= kInfoHeaderBytes && info_bytes <= kMaxHeaderBytes) {
    header.width = static_cast<int32_t>(reader.u32_little());
    const int64_t height = static_cast<int32_t>(reader.u32_little());
    header.height = height < 0 ? -height : height; // negative: top row first
    reader.skip(2);
    header.bits = reader.u16_little();
    compression = reader.u32_little();
    if (compression == kBitFields && info_bytes > kAlphaMaskOffset) {
      reader.seek(info + kAlphaMaskOffset);
      header.has_alpha = header.bits == 32 && reader.u32_little() != 0;
    }
  } else {
    name.fail_expected(
        "a BMP information header of 12 or 40 to 124 bytes",
        std::to_string(info_bytes));
  }
  const int bits = header.bits;
  const bool is_rle =
      (compression == kRle8 && bits == 8) || (compression == kRle4 && bits == 4);
  const bool is_masked = compression == kBitFields && (bits == 16 || bits == 32);
  const bool is_plain = compression == kRgb &&
      (bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32);
  if (!is_rle && !is_masked && !is_plain) {
    name.fail_expected(
        "an uncompressed or run-length BMP of 1, 4, 8, 16, 24 or 32 bits",
        std::to_string(bits) + " bits with compression " + std::to_string(compression));
  }
  if (header.width <= 0 || header.height <= 0) {
    name.fail_expected(
        "a BMP with at least one pixel",
        std::to_string(header.width) + "x" + std::to_string(header.height));
  }
  header.num_channels = bits <= 8 ? 1 : bits == 32 ? 4 : 3;
  const int64_t row_bytes = (header.width * bits + 31) / 32 * 4;
  const int64_t available = static_cast<int64_t>(bytes.size()) - pixels_offset;
  if (!is_rle && available < row_bytes * header.height) {
    name.fail_expected(
        std::to_string(row_bytes * header.height) + " bytes of BMP pixels",
        std::to_string(available < 0 ? 0 : available), "The file is truncated.");
  }
  if (is_rle) {
    const int64_t num_set =
        available <= 0 ? 0 : num_pixels_set(bytes.substr(pixels_offset), header, bits);
    if (num_set < header.width * header.height) {
      name.fail_expected(
          "BMP runs that set all of " + std::to_string(header.width) + "x" +
              std::to_string(header.height) + " pixels",
          std::to_string(num_set) + " of " +
              std::to_string(header.width * header.height),
          "The file is truncated, or leaves pixels without a value.");
    }
  }
  return header;
}

} // namespace omni
