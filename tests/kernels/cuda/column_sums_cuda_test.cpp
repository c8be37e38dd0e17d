// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/cuda/emulated_kernel.h"

#include "kernels/cuda/column_sums.cuh"

namespace omni::testing {
namespace {

using namespace kernels::cuda;

template <typename T>
void check(int64_t num_rows, int64_t width, int64_t stride) {
  CAPTURE(num_rows, width, stride);
  const auto rows = random_values<float>(num_rows * stride, 3);
  const auto sums = in_every_order([&](ThreadOrder order) {
    Buffer<float> in(rows);
    Buffer<T> out(width);
    const ColumnSums<T> args{in.data(), out.data(), num_rows, stride, width};
    run_kernel(column_sums_launch(args), order, [&] { column_sums_kernel<T>(args); });
    return out.values();
  });
  std::vector<double> expected(width, 0.0);
  for (int64_t row = 0; row < num_rows; ++row) {
    for (int64_t i = 0; i < width; ++i) {
      expected[i] += rows[row * stride + i];
    }
  }
  CHECK(distance(sums, expected) < kTolerance<T>);
}

TEST_CASE("CUDA sums of columns take rows of any number and distance") {
  for (const int64_t num_rows : {0, 1, 7, 8, 21}) {
    check<float>(num_rows, 1, 1);
    check<float>(num_rows, 70, 75);
    check<Bf16>(num_rows, 32, 64);
    check<Bf16>(num_rows, 0, 3);
  }
}

} // namespace
} // namespace omni::testing
