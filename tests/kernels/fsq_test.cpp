// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <cmath>

#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("the first dimension is the least significant digit") {
  const std::vector<int64_t> levels = {8, 5, 3};
  // Code 1 * 1 + 2 * 8 + 1 * 40: digits 1, 2, 1 become -3 of 4, 0, 0 of 1.
  const at::Tensor grid = fsq_decode(at::tensor({57}, at::kLong), levels);
  CHECK(at::equal(grid, at::tensor({-0.75f, 0.0f, 0.0f}).view({1, 3})));
  // The ends of the grid: even counts reach -1 but not 1.
  CHECK(at::equal(
      fsq_decode(at::tensor({0, 119}, at::kLong), levels),
      at::tensor({-1.0f, -1.0f, -1.0f, 0.75f, 1.0f, 1.0f}).view({2, 3})));
}

TEST_CASE("every code is reached from its own grid value") {
  for (const std::vector<int64_t>& levels :
       {std::vector<int64_t>{8, 5, 5, 5}, {2, 3}, {7}, {4, 6, 3}}) {
    const int64_t num_codes = at::multiply_integers(levels);
    const at::Tensor codes = at::arange(num_codes, at::kLong);
    const at::Tensor grid = fsq_decode(codes, levels);
    // Values whose bound lies on the grid: atanh((q + offset) / half) - shift.
    at::Tensor values = at::empty_like(grid);
    for (size_t i = 0; i < levels.size(); ++i) {
      const double half = static_cast<double>(levels[i] - 1) * 1.001 / 2.0;
      const double offset = levels[i] % 2 == 0 ? 0.5 : 0.0;
      const at::Tensor q =
          grid.select(-1, static_cast<int64_t>(i)).to(at::kDouble) * (levels[i] / 2);
      values.select(-1, static_cast<int64_t>(i))
          .copy_(at::atanh((q + offset) / half) - std::atanh(offset / half));
    }
    CHECK(at::equal(fsq_encode(values, levels), codes));
    CHECK(at::equal(fsq_quantize(values, levels), grid));
  }
}

TEST_CASE("quantise is decode of encode, also far outside") {
  const std::vector<int64_t> levels = {8, 5, 5, 5};
  const at::Tensor values = at::randn({500, 4}) * 4.0;
  const at::Tensor codes = fsq_encode(values, levels);
  CHECK(codes.min().item<int64_t>() >= 0);
  CHECK(codes.max().item<int64_t>() < 1000);
  CHECK(at::equal(fsq_quantize(values, levels), fsq_decode(codes, levels)));
  const at::Tensor huge = at::full({1, 4}, 1e30f);
  CHECK(fsq_encode(huge, levels).item<int64_t>() == 999);
  CHECK(fsq_encode(-huge, levels).item<int64_t>() == 0);
}

TEST_CASE("the straight-through gradient is that of the bounded values") {
  const std::vector<int64_t> levels = {8, 5};
  const at::Tensor values = at::randn({20, 2}).requires_grad_(true);
  fsq_quantize(values, levels).sum().backward();
  const double half8 = 7 * 1.001 / 2, half5 = 4 * 1.001 / 2;
  const double shift = std::atanh(0.5 / half8);
  for (int64_t i = 0; i < 20; ++i) {
    const double a = std::tanh(values[i][0].item<double>() + shift);
    const double b = std::tanh(values[i][1].item<double>());
    CHECK(
        values.grad()[i][0].item<double>() ==
        Approx((1 - a * a) * half8 / 4).margin(1e-6));
    CHECK(
        values.grad()[i][1].item<double>() ==
        Approx((1 - b * b) * half5 / 2).margin(1e-6));
  }
}

TEST_CASE("fsq names wrong levels, widths and codes") {
  CHECK_THROWS_WITH(
      fsq_encode(at::zeros({2, 3}), {8, 5}),
      Contains("[fsq] expected values [.., 2] for levels [8, 5], got [2, 3]."));
  CHECK_THROWS_WITH(
      fsq_encode(at::zeros({2, 2}), {8, 1}), Contains("level counts >= 2"));
  CHECK_THROWS_AS(
      fsq_decode(at::zeros({1}, at::kLong), {1LL << 40, 1LL << 40}), c10::ValueError);
  CHECK_THROWS_WITH(
      fsq_decode(at::tensor({3, 40}, at::kLong), {8, 5}),
      Contains("[fsq] expected codes in [0, 40), got 3 to 40."));
  CHECK_THROWS_AS(fsq_decode(at::zeros({2}), {8, 5}), c10::TypeError);
}

} // namespace omni::kernels
