// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/image_processor.h"

#include <random>

#include "tests/encoders/golden.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::testing::Contains;

namespace {

Image picture(int64_t height, int64_t width) {
  at::Tensor pixels =
      at::arange(height * width * 3, at::kLong).mul_(37).remainder_(251);
  return {pixels.to(at::kByte).view({height, width, 3}), "test"};
}

} // namespace

TEST_CASE("patches are in model order and normalised", "[image_processor]") {
  ImageProcessorOptions options;
  options.height = 12;
  options.width = 18;
  options.patch_size = 3;
  options.merge = 2;
  options.mean = {0.1, 0.2, 0.3};
  options.std = {0.5, 0.25, 2.0};
  const Image image = picture(12, 18); // no resize
  const ProcessedImage processed = ImageProcessor(options).process(image);
  REQUIRE(processed.grid == PatchGrid{1, 4, 6});
  REQUIRE(processed.patches.sizes() == at::IntArrayRef({24, 27}));
  REQUIRE(processed.patches.scalar_type() == at::kFloat);

  const auto pixels = image.pixels.accessor<uint8_t, 3>();
  const auto patches = processed.patches.accessor<float, 2>();
  int64_t patch = 0;
  double worst = 0.0;
  for (int64_t cell_row = 0; cell_row < 2; ++cell_row) {
    for (int64_t cell_column = 0; cell_column < 3; ++cell_column) {
      for (int64_t row = 0; row < 2; ++row) {
        for (int64_t column = 0; column < 2; ++column, ++patch) {
          for (int64_t entry = 0; entry < 27; ++entry) {
            const int64_t y = (cell_row * 2 + row) * 3 + entry / 9;
            const int64_t x = (cell_column * 2 + column) * 3 + entry / 3 % 3;
            const int64_t c = entry % 3;
            const auto at_c = static_cast<size_t>(c);
            const double expected =
                (pixels[y][x][c] / 255.0 - options.mean[at_c]) / options.std[at_c];
            worst = std::max(worst, std::abs(patches[patch][entry] - expected));
          }
        }
      }
    }
  }
  CHECK(worst < 2e-6);
}

TEST_CASE("process_frames equals process of each frame", "[image_processor]") {
  const ImageProcessor processor{ImageProcessorOptions{}};
  const at::Tensor frames =
      at::stack({picture(50, 70).pixels, picture(50, 70).pixels.flip({0})});
  const auto processed = processor.process_frames(frames);
  REQUIRE(processed.size() == 2);
  for (int64_t n = 0; n < 2; ++n) {
    const ProcessedImage alone = processor.process({frames[n], ""});
    CHECK(alone.grid == PatchGrid{1, 8, 8});
    CHECK(processed[static_cast<size_t>(n)].grid == alone.grid);
    CHECK(at::equal(processed[static_cast<size_t>(n)].patches, alone.patches));
  }
  CHECK(processor.process_frames(frames.narrow(0, 0, 0)).empty());
}

TEST_CASE("the budget rule gives Qwen2-VL's sizes", "[image_processor]") {
  struct Case {
    int64_t height, width, min_pixels, max_pixels, out_height, out_width;
  };
  // By `smart_resize` of transformers with factor 28.
  const auto given = GENERATE(
      Case{480, 640, 3136, 2073600, 476, 644},
      Case{1080, 1920, 3136, 1003520, 728, 1316}, Case{20, 30, 3136, 1003520, 56, 84},
      Case{42, 70, 784, 1003520, 56, 56}, // halves go to even: 1.5 -> 2, 2.5 -> 2
      Case{28, 2800, 3136, 1003520, 28, 2800});
  ImageProcessorOptions options;
  options.rule = ResizeRule::Budget;
  options.patch_size = 14;
  options.merge = 2;
  options.min_pixels = given.min_pixels;
  options.max_pixels = given.max_pixels;
  const PatchGrid grid =
      ImageProcessor(options).process(picture(given.height, given.width)).grid;
  CAPTURE(given.height, given.width);
  CHECK(grid.rows * 14 == given.out_height);
  CHECK(grid.columns * 14 == given.out_width);
}

TEST_CASE("a budget holds for any picture", "[image_processor]") {
  ImageProcessorOptions options;
  options.rule = ResizeRule::Budget;
  options.patch_size = 4;
  options.merge = 2;
  options.interpolation = Interpolation::Nearest;
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    const auto height = static_cast<int64_t>(random() % 120 + 1);
    const auto width = static_cast<int64_t>(random() % 120 + 1);
    options.min_pixels = static_cast<int64_t>(random() % 500 + 64);
    options.max_pixels = options.min_pixels * 4;
    const PatchGrid grid = ImageProcessor(options).process(picture(height, width)).grid;
    CAPTURE(height, width, options.min_pixels, grid.rows, grid.columns);
    CHECK(grid.rows % 2 == 0);
    CHECK(grid.columns % 2 == 0);
    CHECK(grid.num_patches() * 16 <= options.max_pixels);
  }
  options.min_pixels = 64;
  options.max_pixels = 64;
  CHECK(ImageProcessor(options).process(picture(1, 150)).grid == PatchGrid{1, 2, 2});
}

TEST_CASE("ImageProcessor says what is wrong", "[image_processor]") {
  ImageProcessorOptions options;
  const ImageProcessor processor(options);
  CHECK_THROWS_WITH(
      processor.process({at::zeros({8, 8, 3}), ""}),
      Contains("[image_processor] expected pixels uint8 [Y, X, 3]"));
  CHECK_THROWS_WITH(
      processor.process_frames(at::zeros({2, 8, 8, 3})),
      Contains("expected frames uint8"));
  CHECK_THROWS_WITH(
      processor.process_frames(at::zeros({2, 0, 8, 3}, at::kByte)),
      Contains("at least one pixel"));
  options.width = 72;
  CHECK_THROWS_WITH(
      ImageProcessor(options),
      Contains("multiples of patch_size * merge = 16, got 64 x 72"));
  options.width = 64;
  options.std[1] = 0.0;
  CHECK_THROWS_WITH(ImageProcessor(options), Contains("expected positive std, got 0"));
  options.std[1] = 1.0;
  options.rule = ResizeRule::Budget;
  options.max_pixels = 255;
  options.min_pixels = 100;
  CHECK_THROWS_WITH(ImageProcessor(options), Contains("max_pixels >= 256"));
  options.max_pixels = 1024;
  CHECK_THROWS_WITH(
      ImageProcessor(options).process(picture(1, 201)),
      Contains("ratio up to 200, got 1 x 201 pixels"));
}
