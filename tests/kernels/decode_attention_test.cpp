// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "kernels/cpu/attend_rows_avx512.h"
#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {

using omni::testing::Contains;

TEST_CASE("one query row agrees with scaled_dot_product_attention") {
  const at::Tensor q = at::randn({6, 16});
  const at::Tensor keys = at::randn({3, 300, 16}), values = at::randn({3, 300, 16});
  const at::Tensor expected = at::scaled_dot_product_attention(
      q.view({1, 6, 1, 16}), keys.repeat_interleave(2, 0).unsqueeze(0),
      values.repeat_interleave(2, 0).unsqueeze(0));
  CHECK(at::allclose(
      decode_attention(q, keys, values, 0.25), expected.view({6, 16}), 1e-5, 1e-6));
}

TEST_CASE("a window is a narrowed view of the cache") {
  const at::Tensor q = at::randn({4, 8});
  const at::Tensor cache = at::randn({2, 64, 2, 8}); // [G, L, key or value, K]
  const at::Tensor keys = cache.select(2, 0).narrow(1, 37, 20);
  const at::Tensor values = cache.select(2, 1).narrow(1, 37, 20);
  CHECK(at::equal(
      decode_attention(q, keys, values, 0.5),
      decode_attention(q, keys.contiguous(), values.contiguous(), 0.5)));
  // Kept rows first, then groups: the layout of a cache that appends rows.
  const at::Tensor rows_first = keys.transpose(0, 1).contiguous().transpose(0, 1);
  CHECK(at::equal(
      decode_attention(q, rows_first, values, 0.5),
      decode_attention(q, keys, values, 0.5)));
}

TEST_CASE("one row in the cache returns its value, large scores stay finite") {
  const at::Tensor q = at::randn({4, 8}) * 1e3;
  const at::Tensor keys = at::randn({2, 1, 8}) * 1e3, values = at::randn({2, 1, 8});
  CHECK(at::allclose(
      decode_attention(q, keys, values, 1.0),
      values.select(1, 0).repeat_interleave(2, 0)));
  const at::Tensor many = at::randn({2, 700, 8}) * 1e3;
  const at::Tensor out = decode_attention(q, many, at::ones({2, 700, 8}), 1.0);
  CHECK(at::allclose(out, at::ones({4, 8})));
}

TEST_CASE("rows that are not seen may hold anything") {
  const at::Tensor q = at::randn({4, 8});
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    for (const int64_t last : {0, 4, 63, 699}) {
      for (const int64_t window : {0, 1, 5, 600, 1000}) {
        INFO(dtype << ", last row " << last << ", window " << window);
        const int64_t begin = window > 0 ? std::max<int64_t>(last + 1 - window, 0) : 0;
        const int64_t size = last + 1 - begin;
        const auto like = at::TensorOptions(dtype);
        const at::Tensor keys = at::full({2, 700, 8}, NAN, like);
        const at::Tensor values = at::full({2, 700, 8}, NAN, like);
        keys.narrow(1, begin, size).copy_(at::randn({2, size, 8}));
        values.narrow(1, begin, size).copy_(at::randn({2, size, 8}));
        const at::Tensor got = decode_attention(
            q.to(dtype), keys, values, 0.5,
            {at::tensor({last}, at::TensorOptions(at::kLong)), window});
        const at::Tensor expected = decode_attention(
            q.to(dtype), keys.narrow(1, begin, size), values.narrow(1, begin, size),
            0.5);
        CHECK(at::allclose(got, expected, 1e-6, 1e-6));
        CHECK(got.isfinite().all().item<bool>());
      }
    }
  }
}

TEST_CASE("published latent rows, 512 + 64 wide, take the path of narrower ones") {
  const cpu::AttendShape narrow{4, 128, 128, 128, 128, 1.0f};
  const cpu::AttendShape latent{128, 576, 512, 576, 576, 1.0f};
  CHECK(cpu::has_attend_avx512(latent) == cpu::has_attend_avx512(narrow));
}

TEST_CASE("decode_attention names shapes and dtypes that do not fit") {
  const at::Tensor q = at::zeros({4, 8}), keys = at::zeros({2, 5, 8});
  CHECK_THROWS_WITH(
      decode_attention(at::zeros({3, 8}), keys, keys, 1.0),
      Contains("with G dividing H and L >= 1, got [3, 8], [2, 5, 8] and [2, 5, 8]."));
  CHECK_THROWS_AS(
      decode_attention(q, at::zeros({2, 0, 8}), at::zeros({2, 0, 8}), 1.0),
      c10::ValueError);
  CHECK_THROWS_AS(
      decode_attention(q, keys.to(at::kBFloat16), keys, 1.0), c10::TypeError);
  const auto at_row = [&](const at::Tensor& last, int64_t window) {
    return decode_attention(q, keys, keys, 1.0, {last, window});
  };
  const at::Tensor row = at::zeros({1}, at::TensorOptions(at::kLong));
  CHECK_THROWS_WITH(
      at_row(row + 5, 0),
      Contains("[decode_attention] expected last_row in [0, 5), got 5."));
  CHECK_THROWS_AS(at_row(row - 1, 0), c10::IndexError);
  CHECK_THROWS_WITH(
      at_row(row, -2), Contains("[decode_attention] expected window >= 0, got -2."));
  CHECK_THROWS_AS(at_row(row.to(at::kInt), 0), c10::TypeError);
  CHECK_THROWS_WITH(
      at_row(row.repeat({2}), 0), Contains("expected last_row [1], got [2]."));
}

} // namespace omni::kernels
