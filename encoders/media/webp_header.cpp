// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// WebP (RFC 9649): a RIFF file of one VP8 or VP8L picture, with a VP8X chunk before it
// when there is alpha or EXIF. Animations are refused.
#include "encoders/media/byte_reader.h"
#include "encoders/media/exif.h"
#include "encoders/media/image_header.h"

namespace omni {

namespace {

using namespace std::string_view_literals;

constexpr int kAnimationFlag = 0x02;
constexpr int kAlphaFlag = 0x10;

void parse_lossy(std::string_view chunk, ImageHeader& header, const MediaName& name) {
  ByteReader reader(chunk, name, "VP8 header");
  const uint32_t tag = reader.u24_little();
  const bool is_key_frame = (tag & 1) == 0;
  if (!is_key_frame || reader.take(3) != "\x9D\x01\x2A"sv) {
    name.fail_expected("a VP8 key frame in the WebP", "something else");
  }
  header.width = reader.u16_little() & 0x3FFF;
  header.height = reader.u16_little() & 0x3FFF;
}

void parse_lossless(
    std::string_view chunk,
    ImageHeader& header,
    const MediaName& name) {
  ByteReader reader(chunk, name, "VP8L header");
  if (reader.u8() != 0x2F) {
    name.fail_expected("a VP8L signature in the WebP", "something else");
  }
  const uint32_t bits = reader.u32_little();
  header.width = 1 + (bits & 0x3FFF);
  header.height = 1 + (bits >> 14 & 0x3FFF);
  header.has_alpha |= (bits >> 28 & 1) != 0;
  if (bits >> 29 != 0) {
    name.fail_expected("version 0 of VP8L", std::to_string(bits >> 29));
  }
}

} // namespace

ImageHeader parse_webp_header(std::string_view bytes, const MediaName& name) {
  ImageHeader header;
  header.kind = MediaKind::WebP;
  ByteReader file(bytes, name, "WebP file");
  file.skip(4);
  const uint32_t riff_bytes = file.u32_little();
  ByteReader reader(file.take(riff_bytes), name, "WebP chunk");
  reader.skip(4);
  bool has_picture = false;
  int64_t canvas_width = 0;
  int64_t canvas_height = 0;
  while (reader.remaining() >= 8) {
    const std::string_view type = reader.take(4);
    const uint32_t length = reader.u32_little();
    const std::string_view chunk = reader.take(length);
    if (length % 2 == 1 && reader.remaining() > 0) {
      reader.skip(1);
    }
    if (type == "VP8X") {
      ByteReader canvas(chunk, name, "VP8X chunk");
      const int flags = static_cast<int>(canvas.u32_little() & 0xFF);
      if (flags & kAnimationFlag) {
        name.fail_expected(
            "one picture in the WebP", "an animation",
            "Convert it to a video, or save one of its frames.");
      }
      header.has_alpha |= (flags & kAlphaFlag) != 0;
      canvas_width = 1 + static_cast<int64_t>(canvas.u24_little());
      canvas_height = 1 + static_cast<int64_t>(canvas.u24_little());
    } else if (type == "VP8 " && !has_picture) {
      parse_lossy(chunk, header, name);
      has_picture = true;
    } else if (type == "VP8L" && !has_picture) {
      parse_lossless(chunk, header, name);
      has_picture = true;
    } else if (type == "EXIF") {
      header.orientation =
          exif_orientation(chunk.starts_with("Exif\0\0"sv) ? chunk.substr(6) : chunk);
    }
  }
  if (!has_picture) {
    name.fail_expected("a picture in the WebP", "none");
  }
  if (canvas_width != 0 &&
      (canvas_width != header.width || canvas_height != header.height)) {
    name.fail_expected(
        "a WebP picture as large as its canvas of " + std::to_string(canvas_width) +
            "x" + std::to_string(canvas_height),
        std::to_string(header.width) + "x" + std::to_string(header.height));
  }
  return header;
}

} // namespace omni
