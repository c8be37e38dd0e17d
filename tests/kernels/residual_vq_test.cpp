// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <limits>

#include "kernels/reference.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;

} // namespace

TEST_CASE("each stage takes the codeword nearest to what the others left") {
  // Whole numbers, then quarters.
  const at::Tensor codebooks = at::tensor({0.0f, 1.0f, 2.0f, 3.0f, //
                                           -0.25f, 0.0f, 0.25f, 0.5f})
                                   .view({2, 4, 1});
  const at::Tensor values = at::tensor({2.26f, 0.9f, -7.0f}).view({3, 1});
  const at::Tensor codes = residual_vq_encode(values, codebooks);
  CHECK(at::equal(codes, at::tensor({2, 2, 1, 1, 0, 0}, at::kLong).view({3, 2})));
  CHECK(at::equal(
      residual_vq_decode(codes, codebooks),
      at::tensor({2.25f, 1.0f, -0.25f}).view({3, 1})));
}

TEST_CASE("a row made of codewords is found again") {
  for (const int64_t width : {15, 16, 40}) {
    for (const int64_t num_codewords : {1, 5, 300}) {
      // Stages so much smaller than the one before that the greedy choice is right.
      const at::Tensor codebooks = at::randn({3, num_codewords, width}) *
          at::tensor({1.0f, 1e-3f, 1e-6f}).view({3, 1, 1});
      const at::Tensor codes = at::randint(num_codewords, {9, 3}, at::kLong);
      const at::Tensor values = residual_vq_decode(codes, codebooks.to(at::kDouble));
      INFO(width << ", " << num_codewords);
      const at::Tensor found =
          residual_vq_encode(values, codebooks.to(at::kDouble)); // the reference
      CHECK(at::equal(found, codes));
      const at::Tensor fused = residual_vq_encode(values.to(at::kFloat), codebooks);
      CHECK(at::equal(fused.select(1, 0), codes.select(1, 0)));
    }
  }
}

TEST_CASE("of equal distances the first codeword, for NaN code 0") {
  const at::Tensor codebooks =
      at::tensor({3.0f, 1.0f, -1.0f, 1.0f, -1.0f}).view({1, 5, 1});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor values = at::tensor({0.0f, 1.0f, nan, -5.0f, 9.0f}).view({5, 1});
  const at::Tensor expected = at::tensor({1, 1, 0, 2, 0}, at::kLong).view({5, 1});
  CHECK(at::equal(residual_vq_encode(values, codebooks), expected));
  CHECK(at::equal(reference::residual_vq_encode(values, codebooks), expected));
}

TEST_CASE("near codewords are told apart where |c|^2 - 2 r c would not") {
  // 4096 + 2^-9 and its neighbours: their squares differ by less than float32 holds.
  const at::Tensor codebooks =
      at::tensor({4096.0f, 4096.0f + 0x1p-10f, 4096.0f + 0x1p-9f}).view({1, 3, 1});
  CHECK(
      residual_vq_encode(at::full({1, 1}, 4096.0f + 0x1p-9f), codebooks)
          .item<int64_t>() == 2);
}

TEST_CASE("residual_vq names shapes, dtypes and codes that do not fit") {
  const at::Tensor codebooks = at::zeros({2, 4, 3});
  CHECK_THROWS_WITH(
      residual_vq_encode(at::zeros({5, 4}), codebooks),
      Contains("[residual_vq] expected values [.., 3] for codebooks [2, 4, 3], got "
               "[5, 4]."));
  CHECK_THROWS_WITH(
      residual_vq_encode(at::zeros({5, 3}), at::zeros({2, 0, 3})),
      Contains("expected codebooks [Q, N, C] with N >= 1, got [2, 0, 3]."));
  CHECK_THROWS_AS(
      residual_vq_encode(at::zeros({5, 3}, at::kLong), codebooks), c10::TypeError);
  CHECK_THROWS_WITH(
      residual_vq_decode(at::full({5, 2}, 4, at::kLong), codebooks),
      Contains("[residual_vq] expected codes in [0, 4), got 4 to 4."));
  CHECK_THROWS_AS(
      residual_vq_decode(at::zeros({5, 3}, at::kLong), codebooks), c10::ValueError);
  CHECK_THROWS_AS(residual_vq_decode(at::zeros({5, 2}), codebooks), c10::TypeError);
}

} // namespace omni::kernels
