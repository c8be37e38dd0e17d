// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;
using testing::normal;

struct Inputs {
  at::Tensor q, k, v;
  RotaryTables tables;
  QkNormRopeOptions options;
};

// Views into one projection of L = 3 tokens, as attention has them.
Inputs make_inputs(at::ScalarType dtype) {
  const at::Tensor qkv = normal({3, 4 + 2 + 2, 16}, dtype, 1);
  const at::Tensor angles = normal({3, 8}, at::kFloat, 2);
  return {
      qkv.narrow(1, 0, 4),
      qkv.narrow(1, 4, 2),
      qkv.narrow(1, 6, 2),
      {angles.cos(), angles.sin()},
      {.q_weight = normal({16}, dtype, 3), .k_weight = normal({16}, dtype, 4)}};
}

} // namespace

TEST_CASE("keys and values land in their rows, and no others are touched") {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const Inputs in = make_inputs(dtype);
    const QueriesAndKeys expected = qk_norm_rope(in.q, in.k, in.tables, in.options);
    for (const auto cache_dtype : {at::kFloat, at::kBFloat16}) {
      INFO(dtype << " to a cache of " << cache_dtype);
      const auto like = at::TensorOptions(cache_dtype);
      // A layer of a cache that holds keys and values in turn, rows of a wider buffer.
      at::Tensor buffer = at::full({2, 9, 2, 20}, 7.0, like);
      const at::Tensor before = buffer.clone();
      const at::Tensor keys = buffer.select(2, 0).narrow(2, 1, 16);
      const at::Tensor values = buffer.select(2, 1).narrow(2, 2, 16);
      const at::Tensor q = qk_norm_rope_to_cache(
          in.q, in.k, in.v, in.tables, {keys, values, 4}, in.options);
      CHECK(at::equal(q, expected.q));
      CHECK(
          at::equal(keys.narrow(1, 4, 3), expected.k.transpose(0, 1).to(cache_dtype)));
      CHECK(at::equal(values.narrow(1, 4, 3), in.v.transpose(0, 1).to(cache_dtype)));
      keys.narrow(1, 4, 3).fill_(7.0);
      values.narrow(1, 4, 3).fill_(7.0);
      CHECK(at::equal(buffer, before));
    }
  }
}

TEST_CASE("each token goes to the row named for it") {
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const Inputs in = make_inputs(dtype);
    const QueriesAndKeys expected = qk_norm_rope(in.q, in.k, in.tables, in.options);
    const at::Tensor rows = at::tensor({6, 0, 4}, at::TensorOptions(at::kLong));
    for (const auto cache_dtype : {at::kFloat, at::kBFloat16}) {
      INFO(dtype << " to a cache of " << cache_dtype);
      const auto like = at::TensorOptions(cache_dtype);
      const at::Tensor keys = at::full({2, 9, 16}, 7.0, like);
      const at::Tensor values = at::full({2, 9, 16}, 7.0, like);
      const at::Tensor q = qk_norm_rope_to_cache(
          in.q, in.k, in.v, in.tables, {.keys = keys, .values = values, .rows = rows},
          in.options);
      CHECK(at::equal(q, expected.q));
      CHECK(at::equal(
          keys.index_select(1, rows), expected.k.transpose(0, 1).to(cache_dtype)));
      CHECK(at::equal(
          values.index_select(1, rows), in.v.transpose(0, 1).to(cache_dtype)));
      keys.index_fill_(1, rows, 7.0);
      values.index_fill_(1, rows, 7.0);
      CHECK(at::equal(keys, at::full_like(keys, 7.0)));
      CHECK(at::equal(values, at::full_like(values, 7.0)));
    }
  }
}

TEST_CASE("a cache whose entries lie apart") {
  const Inputs in = make_inputs(at::kFloat);
  const at::Tensor keys = at::zeros({16, 2, 5}).permute({1, 2, 0});
  const at::Tensor values = at::zeros({16, 2, 5}).permute({1, 2, 0});
  const at::Tensor q =
      qk_norm_rope_to_cache(in.q, in.k, in.v, in.tables, {keys, values, 0}, in.options);
  const QueriesAndKeys expected = qk_norm_rope(in.q, in.k, in.tables, in.options);
  CHECK(at::equal(q, expected.q));
  CHECK(at::equal(keys.narrow(1, 0, 3), expected.k.transpose(0, 1)));
}

TEST_CASE("a cache takes no part in gradients") {
  const Inputs in = make_inputs(at::kFloat);
  const at::Tensor v = in.v.clone().requires_grad_(true);
  const at::Tensor k = in.k.clone().requires_grad_(true);
  const at::Tensor keys = at::zeros({2, 5, 16}), values = at::zeros({2, 5, 16});
  qk_norm_rope_to_cache(in.q, k, v, in.tables, {keys, values, 0}, in.options);
  CHECK_FALSE(keys.requires_grad());
  CHECK_FALSE(values.requires_grad());
}

TEST_CASE("Meta gives the queries' shape") {
  const auto meta = at::TensorOptions(at::kMeta);
  const at::Tensor q = qk_norm_rope_to_cache(
      at::zeros({3, 4, 16}, meta), at::zeros({3, 2, 16}, meta),
      at::zeros({3, 2, 8}, meta), {},
      {at::zeros({2, 5, 16}, meta), at::zeros({2, 5, 8}, meta), 1});
  CHECK(q.sizes() == at::IntArrayRef({3, 4, 16}));
}

TEST_CASE("qk_norm_rope_to_cache names what does not fit") {
  const Inputs in = make_inputs(at::kFloat);
  const at::Tensor keys = at::zeros({2, 5, 16});
  const auto write = [&](const CacheRows& cache) {
    qk_norm_rope_to_cache(in.q, in.k, in.v, in.tables, cache, in.options);
  };
  CHECK_THROWS_WITH(
      write({keys, keys, 3}),
      Contains("[qk_norm_rope_to_cache] expected rows inside [0, 5), got 3 from 3."));
  CHECK_THROWS_AS(write({keys, keys, -1}), c10::IndexError);
  CHECK_THROWS_WITH(
      write({keys, at::zeros({2, 4, 16}), 0}), Contains("and values [G, S, C], got"));
  CHECK_THROWS_AS(write({keys, keys.to(at::kLong), 0}), c10::TypeError);
  const auto write_to = [&](const at::Tensor& rows) {
    write({.keys = keys, .values = keys, .rows = rows});
  };
  const at::Tensor rows = at::tensor({0, 5, 1}, at::TensorOptions(at::kLong));
  CHECK_THROWS_WITH(
      write_to(rows),
      Contains("[qk_norm_rope_to_cache] expected rows in [0, 5), got 5."));
  CHECK_THROWS_AS(write_to(rows - 1), c10::IndexError);
  CHECK_THROWS_AS(write_to(rows.to(at::kInt)), c10::TypeError);
  CHECK_THROWS_WITH(write_to(rows.narrow(0, 0, 2)), Contains("rows [3], got [2]."));
  CHECK_THROWS_AS(
      qk_norm_rope_to_cache(in.q, in.k, in.v[0], in.tables, {keys, keys, 0}),
      c10::ValueError);
}

} // namespace omni::kernels
