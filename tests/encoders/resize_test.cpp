// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <utility>

#include "encoders/image_processor.h"
#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;
using Sides = std::pair<int64_t, int64_t>;

namespace {

// As `noise` in tests/golden/make_resize_golden.py.
at::Tensor noise(Sides sides) {
  at::Tensor pixels = at::empty({sides.first, sides.second, 3}, at::kByte);
  auto* data = pixels.mutable_data_ptr<uint8_t>();
  uint32_t state = 12345;
  for (int64_t i = 0; i < pixels.numel(); ++i) {
    state = state * 1664525u + 1013904223u;
    data[i] = static_cast<uint8_t>(state >> 24);
  }
  for (int64_t row = 0; row < sides.first; row += 5) {
    pixels[row].fill_(255);
  }
  return pixels;
}

constexpr std::pair<Sides, Sides> kCases[] = {
    {{33, 47}, {64, 64}}, {{64, 64}, {33, 21}}, {{127, 3}, {31, 17}},
    {{64, 2}, {31, 17}},  {{1, 7}, {5, 90}},    {{7, 1}, {90, 5}},
    {{1, 1}, {3, 4}},     {{5, 9}, {1, 1}},     {{240, 320}, {16, 24}},
    {{20, 30}, {20, 13}}, {{20, 30}, {45, 30}}, {{10, 10}, {15, 15}},
    {{1000, 1}, {7, 1}},
};

} // namespace

TEST_CASE("resize_pixels equals Pillow bit by bit", "[resize]") {
  omni::testing::GoldenReader golden("resize.bin", at::kByte);
  for (const auto& [in, out] : kCases) {
    for (const auto how :
         {Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic}) {
      CAPTURE(in.first, in.second, out.first, out.second, static_cast<int>(how));
      const at::Tensor expected = golden.next({out.first, out.second, 3});
      const at::Tensor got = resize_pixels(noise(in), out.first, out.second, how);
      REQUIRE(got.sizes() == expected.sizes());
      CHECK(omni::testing::max_difference(got, expected) == 0.0);
    }
  }
  CHECK(golden.is_empty());
}

TEST_CASE("resize_pixels of a batch, of views and of the same size", "[resize]") {
  const at::Tensor frames = at::stack({noise({9, 14}), noise({9, 14}).flip({1})});
  for (const auto how :
       {Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic}) {
    const at::Tensor both = resize_pixels(frames, 6, 21, how);
    REQUIRE(both.sizes() == at::IntArrayRef({2, 6, 21, 3}));
    CHECK(at::equal(both[0], resize_pixels(frames[0], 6, 21, how)));
    CHECK(at::equal(both[1], resize_pixels(frames[1], 6, 21, how)));

    const at::Tensor view = noise({9, 14}).transpose(0, 1);
    CHECK(at::equal(
        resize_pixels(view, 8, 8, how), resize_pixels(view.contiguous(), 8, 8, how)));
    CHECK(at::equal(resize_pixels(frames, 9, 14, how), frames));
  }
  CHECK(
      resize_pixels(frames.narrow(0, 0, 0), 5, 5, Interpolation::Bicubic).sizes() ==
      at::IntArrayRef({0, 5, 5, 3}));
}

TEST_CASE("resize_pixels keeps a flat picture flat", "[resize]") {
  const at::Tensor flat = at::full({37, 5, 3}, 200, at::kByte);
  for (const auto how :
       {Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic}) {
    CHECK((resize_pixels(flat, 3, 64, how) == 200).all().item<bool>());
  }
}

TEST_CASE("resize_pixels refuses what is no picture", "[resize]") {
  const auto call = [](const at::Tensor& pixels, int64_t height, int64_t width) {
    return resize_pixels(pixels, height, width, Interpolation::Bicubic);
  };
  CHECK_THROWS_WITH(
      call(at::zeros({4, 4, 3}), 2, 2),
      Contains("[resize_pixels] expected pixels uint8 [Y, X, 3]"));
  CHECK_THROWS_WITH(call({}, 2, 2), Contains("an undefined tensor"));
  CHECK_THROWS_WITH(call(at::zeros({4, 4, 4}, at::kByte), 2, 2), Contains("[4, 4, 4]"));
  CHECK_THROWS_WITH(
      call(at::zeros({4, 4, 3}, at::kByte), 0, 2), Contains("to become 0 x 2"));
  CHECK_THROWS_WITH(
      call(at::zeros({0, 4, 3}, at::kByte), 2, 2), Contains("at least one pixel"));
}
