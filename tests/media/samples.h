// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Small files made byte by byte, sound or damaged on purpose. Torch-free.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace omni::test {

// `count` bytes of a number, least or most significant first.
[[nodiscard]] std::string little(uint64_t value, int count);
[[nodiscard]] std::string big(uint64_t value, int count);
// Bytes [offset, offset + patch.size()) replaced.
[[nodiscard]] std::string
patched(std::string bytes, size_t offset, std::string_view patch);

struct PngSpec {
  uint32_t width = 1;
  uint32_t height = 1;
  int bits = 8;
  int color_type =
      2; // 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha
  std::string rows =
      {}; // samples as stored, without filter bytes; every row of whole bytes
  std::string palette = {}; // PLTE
  std::string transparency = {}; // tRNS
  std::string exif = {}; // eXIf
  bool is_interlaced = false; // `rows` then hold the seven passes, with filter bytes
};
[[nodiscard]] std::string make_png(const PngSpec& spec);
[[nodiscard]] std::string png_chunk(std::string_view type, std::string_view data);
[[nodiscard]] std::string
png_header(uint32_t width, uint32_t height, int bits, int color_type);
inline constexpr std::string_view kPngSignature{"\x89PNG\r\n\x1A\n", 8};
inline constexpr std::string_view kPngEnd{"\0\0\0\0IEND\xAE\x42\x60\x82", 12};

// What follows "Exif\0\0", big-endian.
[[nodiscard]] std::string exif_with_orientation(int orientation);

// A JPEG with a segment put behind its first marker.
[[nodiscard]] std::string
with_segment(const std::string& jpeg, int marker, std::string_view content);

struct BmpSpec {
  int32_t width = 1;
  int32_t height = 1; // negative: top row first
  int bits = 24;
  uint32_t compression = 0;
  std::string masks = {}; // after the header: 12 or 16 bytes, or a palette
  std::string rows = {}; // padded to 4 bytes each
};
[[nodiscard]] std::string make_bmp(const BmpSpec& spec);

struct WavSpec {
  int tag = 1;
  int num_channels = 1;
  uint32_t sample_rate_hz = 8000;
  int bits = 16;
  std::string data = {};
  int64_t declared_bytes = -1; // of the data; -1: the truth
};
[[nodiscard]] std::string make_wav_file(const WavSpec& spec);

[[nodiscard]] std::string mp4_box(std::string_view type, std::string_view content);
// `flags`: 4 is the last page of its stream.
[[nodiscard]] std::string
ogg_page(std::string_view content, int flags = 4, uint32_t stream = 0);
// A bare AAC frame of so many bytes, with nothing sensible inside.
[[nodiscard]] std::string adts_frame(size_t num_bytes);

// 16 x 8 pictures, red (200, 30, 40) on the left and blue (20, 60, 220) on the right:
// "rgb.jpg", "progressive.jpg", "cmyk.jpg" (Adobe's inks), "lossy.webp", "exif.webp"
// (orientation 6), "animated.webp", "alpha.webp" (lossless; columns 0 to 3 clear, 4 to
// 7 of alpha 128); and "grey.jpg", whose column x is 16 * x.
[[nodiscard]] std::string sample(const std::string& name);

} // namespace omni::test
