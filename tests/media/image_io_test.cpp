// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/image_io.h"

#include <functional>

#include <ATen/ATen.h>

#include "omni/core/errors.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using namespace omni::test;
using namespace std::string_literals;

namespace {

using Rgb = std::vector<int>;

Rgb pixel(const Image& image, int64_t y, int64_t x) {
  const at::Tensor rgb = image.pixels[y][x].to(at::kInt);
  return {rgb[0].item<int>(), rgb[1].item<int>(), rgb[2].item<int>()};
}

void check_near(const Rgb& got, const Rgb& expected, int margin) {
  for (size_t i = 0; i < 3; ++i) {
    CHECK(std::abs(got[i] - expected[i]) <= margin);
  }
}

// All pixels of a small picture, row by row.
std::vector<Rgb> pixels(const Image& image) {
  std::vector<Rgb> all;
  for (int64_t y = 0; y < image.height(); ++y) {
    for (int64_t x = 0; x < image.width(); ++x) {
      all.push_back(pixel(image, y, x));
    }
  }
  return all;
}

Rgb grey(int value) {
  return {value, value, value};
}

// Two rows of three: 1 2 3 / 4 5 6 as grey values.
const std::string kSix = "\1\2\3\4\5\6";

std::string six_with_orientation(int orientation) {
  return make_png({3, 2, 8, 0, kSix, "", "", exif_with_orientation(orientation)});
}

} // namespace

TEST_CASE("every kind of PNG becomes 8-bit RGB over white") {
  struct Kind {
    std::string name;
    PngSpec spec;
    std::vector<Rgb> expected;
  };
  const std::string palette = "\x0A\x14\x1E\xC8\x64\x32\x01\x02\x03\xFF\xFE\xFD";
  const Rgb ten = {10, 20, 30};
  const Rgb orange = {200, 100, 50};
  // 128 of 255 over white.
  const auto half = [](int value) { return (value * 128 + 255 * 127 + 127) / 255; };
  const std::vector<Kind> kinds = {
      {"grey 1", {3, 1, 1, 0, "\xA0"}, {grey(255), grey(0), grey(255)}},
      {"grey 2", {4, 1, 2, 0, "\x1B"}, {grey(0), grey(85), grey(170), grey(255)}},
      {"grey 4", {2, 1, 4, 0, "\x0F"}, {grey(0), grey(255)}},
      {"grey 8", {2, 1, 8, 0, "\x07\xF0"}, {grey(7), grey(240)}},
      {"grey 16",
       {3, 1, 16, 0, "\x07\x07\xFF\xFF\x01\x82"s},
       {grey(7), grey(255), grey(2)}},
      {"grey 8 clear",
       {2, 1, 8, 0, "\x07\xF0", "", "\x00\x07"s},
       {grey(255), grey(240)}},
      {"grey 2 clear", {2, 1, 2, 0, "\x40", "", "\x00\x01"s}, {grey(255), grey(0)}},
      {"grey 16 clear",
       {2, 1, 16, 0, "\x07\x07\x20\x20", "", "\x07\x07"},
       {grey(255), grey(32)}},
      {"palette 1", {2, 1, 1, 3, "\x40", palette}, {ten, orange}},
      {"palette 2",
       {4, 1, 2, 3, "\x1B", palette},
       {ten, orange, {1, 2, 3}, {255, 254, 253}}},
      {"palette 4", {2, 1, 4, 3, "\x10", palette}, {orange, ten}},
      {"palette 8", {2, 1, 8, 3, "\x01\x00"s, palette}, {orange, ten}},
      {"palette clear",
       {3, 1, 8, 3, "\x01\x00\x02"s, palette, "\x80\x00"s},
       {grey(255), {half(10), half(20), half(30)}, {1, 2, 3}}},
      {"colour 8", {1, 1, 8, 2, "\x0A\x14\x1E"}, {ten}},
      {"colour 16", {1, 1, 16, 2, "\x0A\x0A\x14\x14\x1E\x1E"}, {ten}},
      {"colour 8 clear",
       {2, 1, 8, 2, "\x0A\x14\x1E\xC8\x64\x32", "", "\x00\x0A\x00\x14\x00\x1E"s},
       {grey(255), orange}},
      {"grey alpha 8",
       {3, 1, 8, 4, "\x0A\xFF\x0A\x80\x0A\x00"s},
       {grey(10), grey(half(10)), grey(255)}},
      {"grey alpha 16", {1, 1, 16, 4, "\x0A\x0A\xFF\xFF"}, {grey(10)}},
      {"colour alpha 8",
       {3, 1, 8, 6, "\x0A\x14\x1E\xFF\x0A\x14\x1E\x00\x0A\x14\x1E\x80"s},
       {ten, grey(255), {half(10), half(20), half(30)}}},
      {"colour alpha 16",
       {1, 1, 16, 6, "\x0A\x0A\x14\x14\x1E\x1E\x80\x80"},
       {{half(10), half(20), half(30)}}},
      {"interlaced", // passes 1, 6 and 7 of a 2 x 2 picture
       {2, 2, 8, 0, "\0\1\0\2\0\3\4"s, "", "", "", true},
       {grey(1), grey(2), grey(3), grey(4)}},
  };
  for (const Kind& kind : kinds) {
    CAPTURE(kind.name);
    const Image image = decode_image(make_png(kind.spec));
    CHECK(pixels(image) == kind.expected);
  }
}

TEST_CASE("every kind of BMP") {
  const Rgb red = {255, 0, 0};
  const Rgb blue = {0, 0, 255};
  const auto check = [](const BmpSpec& spec, const std::vector<Rgb>& expected) {
    CAPTURE(spec.bits);
    CHECK(pixels(decode_image(make_bmp(spec))) == expected);
  };
  const std::string red_blue = "\0\0\xFF\0\xFF\0\0\0"s; // palette, BGRX
  check({2, 1, 1, 0, red_blue, "\x40\0\0\0"s}, {red, blue});
  check({2, 1, 4, 0, red_blue, "\x10\0\0\0"s}, {blue, red});
  check({2, 1, 8, 0, red_blue, "\1\0\0\0"s}, {blue, red});
  // Run-length: a run and one more, end of the row; then four as they are, and the end.
  const std::vector<Rgb> two_rows = {red, blue, red, blue, blue, blue, blue, red};
  check({4, 2, 8, 1, red_blue, "\3\1\1\0\0\0\0\4\0\1\0\1\0\1"s}, two_rows);
  check({4, 2, 4, 2, red_blue, "\3\x11\1\0\0\0\0\4\1\1\0\1"s}, two_rows);
  // A full row may end without saying so.
  check({4, 2, 8, 1, red_blue, "\3\1\1\0\0\4\0\1\0\1\0\1"s}, two_rows);
  check({2, 1, 16, 0, "", "\x00\x7C\x1F\x00"s}, {red, blue}); // 5-5-5
  check({1, 2, 24, 0, "", "\xFF\0\0\0\0\0\xFF\0"s}, {red, blue}); // bottom row first
  check({1, -2, 24, 0, "", "\0\0\xFF\0\xFF\0\0\0"s}, {red, blue});
  // The fourth byte means nothing without a mask for it.
  check({2, 1, 32, 0, "", "\0\0\xFF\0\xFF\0\0\0"s}, {red, blue});
  const std::string masks =
      little(0xFF0000, 4) + little(0xFF00, 4) + little(0xFF, 4) + little(0xFF000000, 4);
  check({2, 1, 32, 3, masks, "\0\0\xFF\xFF\xFF\0\0\0"s}, {red, grey(255)});
}

TEST_CASE("JPEG and WebP show the colours they were made of") {
  struct Kind {
    std::string name;
    Rgb left;
    Rgb right;
    int margin;
  };
  const auto kind = GENERATE(values<Kind>({
      {"rgb.jpg", {200, 30, 39}, {20, 60, 220}, 1},
      {"progressive.jpg", {200, 31, 38}, {20, 59, 222}, 2},
      {"cmyk.jpg", {235, 51, 51}, {27, 119, 195}, 2},
      {"lossy.webp", {200, 30, 39}, {20, 60, 220}, 1},
  }));
  CAPTURE(kind.name);
  const Image image = decode_image(sample(kind.name), kind.name);
  CHECK(image.pixels.sizes() == at::IntArrayRef({8, 16, 3}));
  CHECK(image.pixels.is_contiguous());
  CHECK(image.source == kind.name);
  check_near(pixel(image, 4, 2), kind.left, kind.margin);
  check_near(pixel(image, 4, 12), kind.right, kind.margin);

  const Image ramp = decode_image(sample("grey.jpg"));
  for (int x = 0; x < 16; ++x) {
    check_near(pixel(ramp, 3, x), grey(16 * x), 3);
  }
  const Image alpha = decode_image(sample("alpha.webp"));
  CHECK(pixel(alpha, 0, 0) == grey(255));
  check_near(pixel(alpha, 0, 5), {227, 142, 147}, 1);
  CHECK(pixel(alpha, 0, 15) == Rgb{20, 60, 220});
}

TEST_CASE("harmless oddities of JPEGs change no pixel") {
  const std::string jpeg = sample("rgb.jpg");
  const at::Tensor expected = decode_image(jpeg).pixels;
  const auto check = [&](const std::string& name, const std::string& bytes) {
    CAPTURE(name);
    REQUIRE(bytes != jpeg);
    CHECK(at::equal(decode_image(bytes).pixels, expected));
  };
  check("more than the picture", jpeg + "trailer");
  check("bytes between segments", std::string(jpeg).insert(20, "\0junk\xFF\0"s));
  check("filling before a marker", std::string(jpeg).insert(2, "\xFF\xFF"));
  check("padding before the end", std::string(jpeg).insert(jpeg.size() - 2, 9, '\0'));
  // A sequential scan says 0 to 63, or, in some cameras' files, nothing.
  const size_t scan = jpeg.find("\xFF\xDA\0\x0C"s);
  REQUIRE(jpeg.substr(scan + 11, 3) == "\0\x3F\0"s);
  check("no band", test::patched(jpeg, scan + 11, "\0\0\0"s));
}

TEST_CASE("EXIF orientation turns the picture upright") {
  const std::vector<std::vector<int>> expected = {
      {1, 2, 3, 4, 5, 6}, // 1: as stored, 2 rows of 3
      {3, 2, 1, 6, 5, 4}, // 2: mirrored
      {6, 5, 4, 3, 2, 1}, // 3: half a turn
      {4, 5, 6, 1, 2, 3}, // 4: upside down
      {1, 4, 2, 5, 3, 6}, // 5: transposed, 3 rows of 2
      {4, 1, 5, 2, 6, 3}, // 6: a quarter clockwise
      {6, 3, 5, 2, 4, 1}, // 7: transposed over the other diagonal
      {3, 6, 2, 5, 1, 4}, // 8: a quarter anticlockwise
  };
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Image image = decode_image(six_with_orientation(orientation));
    CHECK(image.height() == (orientation <= 4 ? 2 : 3));
    std::vector<int> values;
    for (const Rgb& rgb : pixels(image)) {
      values.push_back(rgb[0]);
    }
    CHECK(values == expected[static_cast<size_t>(orientation - 1)]);
  }
  // Left becomes top when turned clockwise.
  const Image turned = decode_image(
      with_segment(sample("rgb.jpg"), 0xE1, "Exif\0\0"s + exif_with_orientation(6)));
  CHECK(turned.pixels.sizes() == at::IntArrayRef({16, 8, 3}));
  check_near(pixel(turned, 2, 4), {200, 30, 39}, 1);
  const Image webp = decode_image(sample("exif.webp"));
  CHECK(webp.pixels.sizes() == at::IntArrayRef({16, 8, 3}));
  check_near(pixel(webp, 2, 4), {200, 30, 39}, 1);
}

TEST_CASE("pictures equal ffmpeg's decoding") {
  const auto name = GENERATE(as<std::string>{}, "a.png", "a.bmp", "a.webp");
  const TemporaryFolder folder;
  const auto path = folder / name;
  ffmpeg(
      "-f lavfi -i testsrc=size=123x77 -frames:v 1 " +
      (name == "a.webp" ? "-c:v libwebp -lossless 1 -pix_fmt bgra" : ""s) + " '" +
      path.string() + "'");
  const Image image = read_image(path);
  CHECK(image.source == path.string());
  std::string expected =
      ffmpeg("-i '" + path.string() + "' -f rawvideo -pix_fmt rgb24 -");
  REQUIRE(static_cast<int64_t>(expected.size()) == image.pixels.numel());
  CHECK(at::equal(
      image.pixels, at::from_blob(expected.data(), image.pixels.sizes(), at::kByte)));
}

TEST_CASE("what is written is read back") {
  const TemporaryFolder folder;
  const Image image{at::randint(0, 256, {37, 53, 3}, at::kByte), ""};
  write_image(image, folder / "a.png");
  CHECK(at::equal(read_image(folder / "a.png").pixels, image.pixels));
  CHECK(at::equal(decode_image(encode_png(image)).pixels, image.pixels));
  // A view with strides.
  const Image flipped{image.pixels.transpose(0, 1), ""};
  CHECK(at::equal(decode_image(encode_png(flipped)).pixels, flipped.pixels));

  at::Tensor smooth = at::arange(64, at::kFloat).view({1, 64, 1}).expand({48, 64, 3});
  const Image ramp{(smooth * 3).to(at::kByte), ""};
  for (const auto* name : {"a.jpg", "a.JPEG"}) {
    write_image(ramp, folder / name);
    const at::Tensor back = read_image(folder / name).pixels;
    CHECK((back.to(at::kInt) - ramp.pixels.to(at::kInt)).abs().max().item<int>() <= 4);
  }
  CHECK(encode_jpeg(image, 20).size() < encode_jpeg(image, 95).size());
}

TEST_CASE("write_image names what it cannot write") {
  const TemporaryFolder folder;
  const Image image{at::zeros({2, 2, 3}, at::kByte), ""};
  CHECK_THROWS_WITH(
      write_image(image, folder / "a.gif"),
      omni::testing::Contains(
          "[write_image] expected a path that ends in .png, .jpg or .jpeg"));
  CHECK_THROWS_AS(write_image(image, folder / "no/a.png"), IoError);
  CHECK_THROWS_WITH(
      write_image({at::zeros({2, 2, 3}), ""}, folder / "a.png"),
      omni::testing::Contains("expected pixels uint8"));
  CHECK_THROWS_WITH(
      encode_jpeg(image, 0), omni::testing::Contains("quality of 1 to 100"));
  CHECK_FALSE(std::filesystem::exists(folder / "a.png"));
}
