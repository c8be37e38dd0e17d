// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/patchify.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

struct Case {
  int num_pictures, cell_rows, cell_columns, patch_size, merge;
};

const Case kCases[] = {{1, 1, 1, 1, 1},  {2, 3, 2, 8, 1}, {1, 2, 3, 5, 2},
                       {2, 1, 2, 14, 2}, {1, 2, 1, 2, 3}, {0, 2, 2, 8, 1},
                       {1, 0, 2, 8, 1}};

template <typename T>
void check(const Case& c) {
  CAPTURE(c.num_pictures, c.cell_rows, c.cell_columns, c.patch_size, c.merge);
  const int cell = c.patch_size * c.merge;
  const int height = c.cell_rows * cell, width = c.cell_columns * cell;
  const size_t size = size_t(c.num_pictures) * height * width * 3;
  std::vector<uint8_t> pixels(size);
  for (size_t i = 0; i < size; ++i) {
    pixels[i] = static_cast<uint8_t>(i * 31 + i / 7);
  }
  const float mean[3] = {0.48f, 0.45f, 0.4f}, std[3] = {0.27f, 0.26f, 0.28f};
  const auto out = in_every_order([&](ThreadOrder order) {
    Buffer<uint8_t> in(pixels);
    Buffer<T> patches(size);
    Patchify<T> args{in.data(), patches.data(), c.num_pictures, height,
                     width,     c.patch_size,   c.merge};
    std::copy(mean, mean + 3, args.mean);
    std::copy(std, std + 3, args.std);
    run_kernel(patchify_launch(args), order, [&] { patchify_kernel(args); });
    return patches.values();
  });
  std::vector<double> expected;
  for (int n = 0; n < c.num_pictures; ++n) {
    for (int cells = 0; cells < c.cell_rows * c.cell_columns; ++cells) {
      for (int inside = 0; inside < c.merge * c.merge; ++inside) {
        for (int entry = 0; entry < c.patch_size * c.patch_size * 3; ++entry) {
          const int y =
              (cells / c.cell_columns * c.merge + inside / c.merge) * c.patch_size +
              entry / (c.patch_size * 3);
          const int x =
              (cells % c.cell_columns * c.merge + inside % c.merge) * c.patch_size +
              entry / 3 % c.patch_size;
          const int colour = entry % 3;
          const size_t place = ((size_t(n) * height + y) * width + x) * 3 + colour;
          expected.push_back((pixels[place] / 255.0 - mean[colour]) / std[colour]);
        }
      }
    }
  }
  CHECK(distance(out, expected) < kTolerance<T>);
}

TEST_CASE("CUDA pictures are normalised and cut into patches in cell order") {
  for (const Case& c : kCases) {
    check<float>(c);
    check<Bf16>(c);
  }
}

} // namespace
} // namespace omni::testing
