// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("patches of one cell are neighbours, pixels inside run y, x, colour") {
  // Two pictures of 4 x 8 pixels, patches of 2, cells of 2 x 2 patches: two cells each.
  const int64_t frames = 2, height = 4, width = 8, size = 2, merge = 2;
  const at::Tensor pixels = at::arange(0, frames * height * width * 3, at::kLong)
                                .to(at::kByte)
                                .view({frames, height, width, 3});
  const PatchifyOptions options{{0.1, 0.2, 0.3}, {0.5, 0.25, 0.125}, size, merge};
  const at::Tensor patches = patchify(pixels, options);
  REQUIRE(patches.sizes() == at::IntArrayRef({16, 12}));
  int64_t patch = 0;
  for (int64_t n = 0; n < frames; ++n) {
    for (int64_t cell_row = 0; cell_row < height / (size * merge); ++cell_row) {
      for (int64_t cell_column = 0; cell_column < width / (size * merge);
           ++cell_column) {
        for (int64_t inner = 0; inner < merge * merge; ++inner, ++patch) {
          const int64_t top = (cell_row * merge + inner / merge) * size;
          const int64_t left = (cell_column * merge + inner % merge) * size;
          for (int64_t entry = 0; entry < size * size * 3; ++entry) {
            const int64_t colour = entry % 3;
            const double pixel =
                pixels[n][top + entry / (size * 3)][left + entry / 3 % size][colour]
                    .item<double>();
            CHECK(
                patches[patch][entry].item<double>() ==
                Approx((pixel / 255 - options.mean[colour]) / options.std[colour])
                    .margin(1e-6));
          }
        }
      }
    }
  }
}

TEST_CASE("patchify accepts cropped pixels and refuses what does not divide") {
  const at::Tensor large =
      at::arange(0, 20 * 20 * 3, at::kLong).to(at::kByte).view({1, 20, 20, 3});
  const at::Tensor crop = large.narrow(1, 2, 16).narrow(2, 3, 16);
  CHECK(at::equal(
      patchify(crop, {.patch_size = 8}),
      patchify(crop.contiguous(), {.patch_size = 8})));
  CHECK_THROWS_WITH(
      patchify(large, {.patch_size = 8, .merge = 2}),
      Contains("multiples of 16 (patch_size * merge), got [1, 20, 20, 3]."));
  CHECK_THROWS_AS(patchify(large.to(at::kFloat), {}), c10::TypeError);
  CHECK_THROWS_AS(
      patchify(large, {.std = {0.5, 0.0, 0.5}, .patch_size = 4}), c10::ValueError);
  CHECK_THROWS_AS(patchify(large, {.patch_size = 0}), c10::ValueError);
}

} // namespace omni::kernels
