// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <ATen/ATen.h>

#include "kernels/kernels.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;

// Angles p * theta^(-2i/W) of positions 0 .. L-1.
RotaryTables tables_of_positions(int64_t length, int64_t half) {
  const at::Tensor frequencies = at::pow(
      at::scalar_tensor(100.0, at::kDouble),
      at::arange(half, at::kDouble) * (-1.0 / static_cast<double>(half)));
  const at::Tensor angles = at::arange(length, at::kDouble).unsqueeze(1) * frequencies;
  return {angles.cos().to(at::kFloat), angles.sin().to(at::kFloat)};
}

} // namespace

TEST_CASE("rotary turns the pairs it says, by hand") {
  const float angle = 0.5f;
  const RotaryTables tables{
      at::full({1, 1}, std::cos(angle)), at::full({1, 1}, std::sin(angle))};
  const at::Tensor q = at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).view({1, 1, 4});
  // Width 2 of 4 entries: both layouts turn (1, 2) and leave (3, 4).
  for (const bool interleaved : {false, true}) {
    const auto out = qk_norm_rope(q, q, tables, {.is_interleaved = interleaved});
    const at::Tensor expected = at::tensor(
        {std::cos(angle) - 2 * std::sin(angle), 2 * std::cos(angle) + std::sin(angle),
         3.0f, 4.0f});
    CHECK(at::allclose(out.q.view({4}), expected));
    CHECK(at::equal(out.q, out.k));
  }
  const RotaryTables quarter{at::zeros({1, 2}), at::ones({1, 2})}; // a right angle
  CHECK(at::equal(
      qk_norm_rope(q, q, quarter).q.view({4}), at::tensor({-3.0f, -4.0f, 1.0f, 2.0f})));
  CHECK(at::equal(
      qk_norm_rope(q, q, quarter, {.is_interleaved = true}).q.view({4}),
      at::tensor({-2.0f, 1.0f, -4.0f, 3.0f})));
}

TEST_CASE("scores after rotary depend on the distance alone") {
  const RotaryTables tables = tables_of_positions(12, 8);
  const at::Tensor q = at::randn({16}).expand({12, 1, 16});
  const at::Tensor k = at::randn({16}).expand({12, 1, 16});
  const auto out = qk_norm_rope(q, k, tables);
  const auto score = [&](int64_t i, int64_t j) {
    return at::dot(out.q[i][0], out.k[j][0]).item<double>();
  };
  for (int64_t shift = 1; shift < 6; ++shift) {
    CHECK(score(5, 2) == Approx(score(5 + shift, 2 + shift)).margin(1e-4));
  }
  CHECK(std::abs(score(5, 2) - score(5, 3)) > 1e-3);
}

TEST_CASE("q and k may be views into a merged projection") {
  const at::Tensor qkv = at::randn({2, 5, (4 + 2 + 2) * 8});
  const at::Tensor q = qkv.narrow(-1, 0, 32).unflatten(-1, {4, 8});
  const at::Tensor k = qkv.narrow(-1, 32, 16).unflatten(-1, {2, 8});
  const RotaryTables tables = tables_of_positions(5, 4);
  const QkNormRopeOptions options{
      .q_weight = at::randn({8}), .k_weight = at::randn({8})};
  const auto out = qk_norm_rope(q, k, tables, options);
  const auto expected = qk_norm_rope(q.contiguous(), k.contiguous(), tables, options);
  CHECK(at::equal(out.q, expected.q));
  CHECK(at::equal(out.k, expected.k));
  // Tables for each row of the batch, and tables shared by the batch.
  const RotaryTables repeated{
      tables.cos.expand({2, 5, 4}), tables.sin.expand({2, 5, 4})};
  CHECK(at::equal(qk_norm_rope(q, k, repeated, options).q, out.q));
}

TEST_CASE("one weight may be absent") {
  const at::Tensor q = at::randn({3, 2, 8}), k = at::randn({3, 2, 8});
  const at::Tensor weight = at::ones({8});
  const auto out = qk_norm_rope(q, k, {}, {.k_weight = weight, .eps = 0.0});
  CHECK(at::equal(out.q, q));
  CHECK_FALSE(out.q.is_alias_of(q));
  CHECK(at::allclose(out.k.square().mean(-1), at::ones({3, 2})));
}

TEST_CASE("Meta with tables") {
  const at::Tensor q = at::zeros({5, 4, 8}, at::kMeta),
                   k = at::zeros({5, 2, 8}, at::kMeta);
  const at::Tensor table = at::zeros({5, 4}, at::kMeta);
  const auto out = qk_norm_rope(q, k, {table, table});
  CHECK(out.q.sizes() == q.sizes());
  CHECK(out.k.sizes() == k.sizes());
}

TEST_CASE("qk_norm_rope names what does not fit") {
  const at::Tensor q = at::zeros({5, 4, 8}), k = at::zeros({5, 2, 8});
  CHECK_THROWS_WITH(
      qk_norm_rope(q, at::zeros({4, 2, 8}), {}), Contains("of the same tokens"));
  CHECK_THROWS_WITH(
      qk_norm_rope(q, k, {at::zeros({5, 5}), at::zeros({5, 5})}),
      Contains("with W <= K, got cos [5, 5]"));
  CHECK_THROWS_WITH(
      qk_norm_rope(q, k, {at::zeros({6, 4}), at::zeros({6, 4})}),
      Contains("got cos [6, 4]"));
  CHECK_THROWS_WITH(
      qk_norm_rope(q, k, {at::zeros({5, 4}, at::kBFloat16), at::zeros({5, 4})}),
      Contains("Angles are float32"));
  CHECK_THROWS_WITH(
      qk_norm_rope(q, k, {at::zeros({5, 4}), at::Tensor()}), Contains("or neither"));
  CHECK_THROWS_WITH(
      qk_norm_rope(q, k, {}, {.q_weight = at::zeros({7})}),
      Contains("expected `q_weight` [8], got [7]"));
}

} // namespace omni::kernels
