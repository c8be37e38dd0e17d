// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

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
}

} // namespace omni::kernels
