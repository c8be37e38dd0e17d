// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Pictures that are not what they claim to be.
#include <opencv2/imgcodecs.hpp>

#include "encoders/media/image_io.h"
#include "omni/core/errors.h"
#include "tests/media/bad_media.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using namespace omni::test;
using namespace std::string_literals;

namespace {

const std::string kSignature(kPngSignature);
const std::string kEnd(kPngEnd);

// A PNG with this header and a few bytes of data.
std::string claims(uint32_t width, uint32_t height, int bits = 8, int color_type = 2) {
  return kSignature + png_header(width, height, bits, color_type) +
      png_chunk("IDAT", "\x78\x01\x01\0\0\xFF\xFF\0\0\0\1"s) + kEnd;
}

// sample() with its frame header changed; 16 x 8 is there.
std::string jpeg_claims(int width, int height, int bits = 8, int marker = 0xC0) {
  const std::string jpeg = sample("rgb.jpg");
  const size_t at = jpeg.find("\xFF\xC0"s);
  return patched(
      jpeg, at,
      "\xFF"s + static_cast<char>(marker) + jpeg.substr(at + 2, 2) +
          static_cast<char>(bits) + big(static_cast<uint64_t>(height), 2) +
          big(static_cast<uint64_t>(width), 2));
}

// Noise of 64 x 64, whose data take some kilobytes.
std::string noisy_jpeg(bool is_progressive) {
  cv::Mat picture(64, 64, CV_8UC3);
  uint32_t state = 1;
  for (auto* byte = picture.data; byte != picture.dataend; ++byte) {
    state = state * 1664525 + 1013904223;
    *byte = static_cast<uchar>(state >> 24);
  }
  std::vector<uchar> bytes;
  REQUIRE(cv::imencode(
      ".jpg", picture, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, is_progressive ? 1 : 0}));
  return {bytes.begin(), bytes.end()};
}

// The first part of a JPEG, made to look whole.
std::string cut_and_ended(const std::string& jpeg, double part) {
  const auto kept = static_cast<size_t>(static_cast<double>(jpeg.size()) * part);
  return jpeg.substr(0, kept) + "\xFF\xD9";
}

} // namespace

TEST_CASE("files that are no pictures are refused") {
  check_refused(
      Reader::Image,
      {
          {"empty.png", "", "got no bytes at all"},
          {"text.png", "This is a picture, honestly.\n", "got plain text"},
          {"page.jpg", "<!DOCTYPE html><html></html>", "got an HTML, XML or SVG"},
          {"drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>",
           "or SVG document"},
          {"list.png", "#EXTM3U\nhttp://localhost/a.ts\n", "got a playlist"},
          {"a.gif", "GIF89a" + std::string(20, '\0'), "got a GIF picture"},
          {"a.tif", "II*\0"s + std::string(20, '\0'), "got a TIFF picture"},
          {"a.heic", mp4_box("ftyp", "heic\0\0\0\0"s), "got a HEIF or AVIF"},
          {"a.pdf", "%PDF-1.7\n%\xE2\xE3", "got a PDF document"},
          {"a.zip", "PK\x03\x04" + std::string(30, '\0'), "got an archive"},
          {"a.exe",
           "\x7F"
           "ELF\2\1\1"s +
               std::string(30, '\0'),
           "executable program"},
          {"zeros.png", std::string(4096, '\0'), "bytes of an unknown format"},
          {"sound.png", make_wav_file({1, 1, 8000, 16, "abcd"}), "Use read_audio()."},
          {"video.png", mp4_box("ftyp", "isom"), "Use read_video()."},
      });
}

TEST_CASE("damaged and lying PNGs are refused") {
  const std::string png = make_png({4, 4, 8, 2, std::string(48, 'x')});
  const std::string stretched = patched(png, 16, png_header(5, 4, 8, 2).substr(8, 17));
  check_refused(
      Reader::Image,
      {
          {"magic.png", kSignature, "expected 4 more bytes of a PNG chunk, got 0"},
          {"cut.png", png.substr(0, 40), "The file is truncated or damaged"},
          {"cut-data.png", png.substr(0, png.size() - 30), "truncated or damaged"},
          {"no-end.png", png.substr(0, png.size() - 12), "truncated or damaged"},
          {"flipped.png", patched(png, 50, "y"), "chunks match their checksums"},
          {"huge.png", claims(65535, 65535), "pixels the PNG header declares, got 11"},
          {"large.png", claims(16000, 16000), "got 11 bytes"},
          {"max.png", claims(0xFFFFFFFF, 0xFFFFFFFF), "expected a legal PNG header"},
          {"lie.png", claims(8000, 6000), "pixels the PNG header declares, got 11"},
          {"zero.png", claims(0, 5), "got 0x5"},
          {"bits.png", claims(4, 4, 7), "colour type 2 of 7 bits"},
          {"kind.png", claims(4, 4, 8, 5), "colour type 5"},
          {"palette.png", claims(2, 2, 8, 3), "expected a palette"},
          {"thin.png", make_png({600, 1, 8, 0, std::string(600, 'x')}), "factor of"},
          {"no-data.png", kSignature + png_header(1, 1, 8, 2) + kEnd, "got 0 bytes"},
          {"order.png", kSignature + kEnd, "expected a PNG with one header, first"},
          {"long.png", kSignature + png_header(1, 1, 8, 2) + "\x7F\xFF\xFF\xFFIDATabc",
           "expected 2147483647 more bytes of a PNG chunk"},
          {"critical.png",
           kSignature + png_header(1, 1, 8, 2) + png_chunk("ABCD", "x") + kEnd,
           "an unknown critical chunk"},
          {"stretched.png", stretched, "expected"},
      });
}

TEST_CASE("damaged and lying JPEGs are refused") {
  const std::string jpeg = sample("rgb.jpg");
  const std::string cmyk = sample("cmyk.jpg");
  std::string no_adobe = cmyk;
  no_adobe.replace(cmyk.find("Adobe"), 5, "Other");
  check_refused(
      Reader::Image,
      {
          {"magic.jpg", jpeg.substr(0, 3), "more bytes of a JPEG segment"},
          {"cut.jpg", jpeg.substr(0, 100), "more bytes of a JPEG segment"},
          {"no-end.jpg", jpeg.substr(0, jpeg.size() - 2), "The file is truncated"},
          {"half.jpg", jpeg.substr(0, jpeg.size() - 8), "The file is truncated"},
          {"tables.jpg", jpeg.substr(0, 20) + "\xFF\xD9", "expected picture data"},
          {"huge.jpg", jpeg_claims(65535, 65535), "pixels the JPEG header declares"},
          {"lie.jpg", jpeg_claims(16000, 3000), "pixels the JPEG header declares"},
          {"zero.jpg", jpeg_claims(16, 0), "with at least one pixel, got 16x0"},
          {"deep.jpg", jpeg_claims(16, 8, 12), "a JPEG of 8 bits, got 12 bits"},
          {"lossless.jpg", jpeg_claims(16, 8, 8, 0xC3), "got a lossless"},
          {"arithmetic.jpg", jpeg_claims(16, 8, 8, 0xC9), "arithmetic-coded one"},
          {"inks.jpg", no_adobe, "expected Adobe's marker"},
          {"twice.jpg", "\xFF\xD8"s + jpeg, "a second start marker"},
          {"short.jpg", with_segment(jpeg, 0xE2, "").replace(4, 2, "\0\1"s),
           "at least 2 bytes"},
          {"noise.jpg", "\xFF\xD8\xFF"s + std::string(3000, '\xA7'), "JPEG segment"},
      });
}

TEST_CASE("JPEGs whose data end early are refused, end marker or not") {
  const std::string jpeg = noisy_jpeg(false);
  const std::string progressive = noisy_jpeg(true);
  // A lie about the size, with more data than the true size needs.
  std::string padded = jpeg_claims(7000, 7000);
  padded.insert(padded.size() - 2, 200'000, '\0');
  // Other data in the middle.
  std::string damaged = jpeg;
  for (size_t i = 0; i < 100; ++i) {
    damaged[jpeg.size() / 2 + i] = '\xAA';
  }
  check_refused(
      Reader::Image,
      {
          {"cut.jpg", cut_and_ended(jpeg, 0.6), "whose data are whole"},
          {"cut-late.jpg", cut_and_ended(jpeg, 0.98), "whose data are whole"},
          {"cut-progressive.jpg", cut_and_ended(progressive, 0.6),
           "whose data are whole"},
          // Nothing but the first scan, and that in part.
          {"cut-early.jpg", cut_and_ended(progressive, 0.2), "JPEG"},
          {"padded.jpg", padded, "bytes of data for the 7000x7000 pixels"},
          {"damaged.jpg", damaged, "JPEG"},
      });
  CHECK_NOTHROW(decode_image(jpeg));
  CHECK_NOTHROW(decode_image(progressive));
}

TEST_CASE("damaged and lying WebPs and BMPs are refused") {
  const std::string webp = sample("lossy.webp");
  const std::string bmp = make_bmp({4, 4, 24, 0, "", std::string(48, 'x')});
  const auto bmp_with = [&](size_t offset, uint64_t value, int count) {
    return patched(bmp, offset, little(value, count));
  };
  const auto rle = [](int32_t side, int bits, const std::string& runs) {
    const auto kind = static_cast<uint32_t>(bits == 8 ? 1 : 2);
    return make_bmp({side, side, bits, kind, std::string(64, 'p'), runs});
  };
  const std::string row = "\4\1\0\0"s; // four pixels, end of the row
  check_refused(
      Reader::Image,
      {
          {"cut.webp", webp.substr(0, 40), "truncated or damaged"},
          {"head.webp", webp.substr(0, 12), "truncated or damaged"},
          {"tiny.webp", "RIFF\2\0\0\0WEBP"s, "truncated or damaged"},
          {"none.webp", "RIFF\4\0\0\0WEBP"s, "expected a picture in the WebP"},
          {"animated.webp", sample("animated.webp"), "got an animation"},
          {"frame.webp", patched(webp, 23, "xxx"), "expected a VP8 key frame"},
          {"size.webp", patched(webp, 26, "\xFF\x3F\xFF\x3F"),
           "at most 50000000 pixels"},
          {"canvas.webp", patched(sample("exif.webp"), 24, "\x63\0\0"s),
           "as large as its canvas of 100x8"},
          {"lossless.webp", patched(sample("alpha.webp"), 20, "x"), "VP8L signature"},
          {"cut.bmp", bmp.substr(0, 80), "48 bytes of BMP pixels, got 26"},
          {"head.bmp", bmp.substr(0, 20), "more bytes of a BMP header"},
          {"huge.bmp", bmp_with(18, 0x7FFFFFFF, 4), "bytes of BMP pixels"},
          {"negative.bmp", bmp_with(18, 0xFFFFFFFF, 4), "at least one pixel, got -1x4"},
          {"bits.bmp", bmp_with(28, 13, 2), "got 13 bits"},
          {"packed.bmp", bmp_with(30, 9, 4), "with compression 9"},
          {"info.bmp", bmp_with(14, 7, 4), "BMP information header"},
          {"empty-rle.bmp", rle(7000, 8, "\0\1"s), "got 0 of 49000000. The file is"},
          {"empty-rle4.bmp", rle(7000, 4, "\0\1"s), "all of 7000x7000 pixels, got 0"},
          {"no-rle.bmp", rle(4, 8, ""), "got 0 of 16"},
          {"cut-rle.bmp", rle(4, 8, row + row + "\4"), "got 8 of 16"},
          {"cut-pairs.bmp", rle(4, 8, row + row + row + "\0\3ab"s), "got 12 of 16"},
          {"rows-rle.bmp", rle(4, 4, "\0\0\0\0\0\0\0\0\0\1"s), "got 0 of 16"},
          {"leap-rle.bmp", rle(4, 8, "\0\2\3\3\1\1\0\1"s), "got 1 of 16"},
          {"wide-rle.bmp", rle(4, 8, row + "\5\1\0\0"s + row + row), "got 4 of 16"},
          {"offset.bmp", bmp_with(10, 0xFFFFFFF0, 4), "bytes of BMP pixels, got 0"},
      });
}

TEST_CASE("paths that hold no picture file are refused") {
  check_no_file_refused(Reader::Image);
}

TEST_CASE("a budget holds for pictures") {
  const std::string png = make_png({8, 4, 8, 0, std::string(32, 'x')});
  const auto refused = [&](const MediaBudget& budget, const std::string& cause) {
    CHECK_THROWS_WITH(decode_image(png, "p", budget), omni::testing::Contains(cause));
  };
  CHECK_NOTHROW(decode_image(png));
  MediaBudget budget;
  budget.max_bytes = 10;
  refused(budget, "expected at most 10 bytes");
  budget = {};
  budget.max_image_side = 7;
  refused(budget, "at most 7 pixels a side, got 8x4");
  budget = {};
  budget.max_image_pixels = 31;
  refused(budget, "at most 31 pixels, got 8x4");
  budget = {};
  budget.max_image_aspect = 1.5;
  refused(budget, "differ by a factor");
}
