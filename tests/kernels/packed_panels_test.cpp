// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What becomes of a weight that is packed: the entries the panels stand for.
#include "kernels/cpu/packed_panels.h"

#include <ATen/ATen.h>

#include "kernels/packed_linear.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;
using testing::normal;

constexpr std::pair<int64_t, int64_t> kSizes[] =
    {{1, 1}, {3, 33}, {16, 32}, {17, 40}, {50, 257}};

at::Tensor packed_and_back(const at::Tensor& weight, WeightFormat format) {
  const PackedWeight packed = pack_weight(weight, format);
  CHECK(packed.format == format);
  CHECK(packed.num_rows == weight.size(0));
  CHECK(packed.num_columns == weight.size(1));
  CHECK(
      packed.panels.sizes() ==
      at::IntArrayRef(packed_sizes(format, weight.size(0), weight.size(1))));
  const at::Tensor entries = unpack_weight(packed);
  CHECK(entries.scalar_type() == at::kFloat);
  REQUIRE(entries.sizes() == weight.sizes());
  return entries;
}

// [O, I] -> [O, I / 32, 32], zeros behind the end.
at::Tensor in_groups(const at::Tensor& weight) {
  const int64_t columns = weight.size(1);
  return at::constant_pad_nd(weight, {0, cpu::padded_columns(columns) - columns})
      .unflatten(1, {-1, cpu::kGroupColumns});
}

// Rounded to 16 levels from the least of each group to the largest.
at::Tensor plainly_rounded(const at::Tensor& groups) {
  const at::Tensor low = groups.amin(-1, true), high = groups.amax(-1, true);
  const at::Tensor scale = (high - low) / 15.0;
  return at::where(scale > 0.0, low + ((groups - low) / scale).round() * scale, groups);
}

} // namespace

TEST_CASE("bfloat16 panels hold bfloat16 weights as they are") {
  for (const auto& [rows, columns] : kSizes) {
    const at::Tensor weight = normal({rows, columns}, at::kBFloat16, 1);
    CHECK(at::equal(
        packed_and_back(weight, WeightFormat::Bfloat16), weight.to(at::kFloat)));
    // Others are rounded as torch rounds them.
    const at::Tensor fine = normal({rows, columns}, at::kFloat, 2);
    CHECK(at::equal(
        packed_and_back(fine, WeightFormat::Bfloat16),
        fine.to(at::kBFloat16).to(at::kFloat)));
  }
}

TEST_CASE("8-bit panels are off by at most half a step of the group") {
  for (const auto& [rows, columns] : kSizes) {
    const at::Tensor weight = normal({rows, columns}, at::kFloat, 1);
    const at::Tensor error =
        (packed_and_back(weight, WeightFormat::Int8) - weight).abs();
    for (int64_t begin = 0; begin < columns; begin += 32) {
      const int64_t size = std::min<int64_t>(32, columns - begin);
      const at::Tensor step = weight.narrow(1, begin, size).abs().amax(1, true) / 127.0;
      // Scales are bfloat16: half a step is up to 2^-8 longer.
      CHECK((error.narrow(1, begin, size) <= step * 0.502).all().item<bool>());
    }
  }
  // Codes that fill 8 bits come back as they went, a row of zeros too.
  const at::Tensor codes =
      (normal({5, 70}, at::kFloat, 3) * 60).round().clamp(-127, 127);
  for (const int64_t column : {7, 40, 69}) { // one of each group
    codes.select(1, column).fill_(-127.0);
  }
  codes[2].zero_();
  CHECK(at::equal(packed_and_back(codes * 0.25, WeightFormat::Int8), codes * 0.25));
}

TEST_CASE("4-bit panels hold a grid of 16 levels as it is") {
  const at::Tensor levels = at::arange(32, at::kFloat).remainder(16);
  // Scales of 6 leading bits, zeros in quarters.
  for (const double zero : {0.0, 1.0, 5.0, 5.25, 7.5, 11.75, 15.0}) {
    for (const double scale : {1.0, 0.0625, 0.01171875, 0x1p-14, 304.0, 64512.0}) {
      INFO("zero " << zero << ", scale " << scale);
      const at::Tensor group = (levels - zero) * scale;
      const at::Tensor weight = at::stack({group, group.flip(0)}).repeat({9, 2});
      CHECK(at::equal(packed_and_back(weight, WeightFormat::Int4), weight));
    }
  }
  CHECK(at::equal(
      packed_and_back(at::zeros({3, 40}), WeightFormat::Int4), at::zeros({3, 40})));
}

TEST_CASE("4-bit panels are better than rounding to 16 even levels") {
  for (const auto& [rows, columns] : kSizes) {
    if (columns < cpu::kGroupColumns) {
      continue; // the padding's zeros are levels too
    }
    const at::Tensor weight = normal({rows, columns}, at::kFloat, 1);
    const at::Tensor groups = in_groups(weight);
    const at::Tensor packed =
        in_groups(packed_and_back(weight, WeightFormat::Int4)) - groups;
    const at::Tensor plain = plainly_rounded(groups) - groups;
    const double error = packed.square().sum().item<double>();
    CHECK(error < plain.square().sum().item<double>());
    // Half a step of the whole range, and what is cut: a fifth of either end.
    const at::Tensor range =
        groups.amax(-1, true).clamp_min(0) - groups.amin(-1, true).clamp_max(0);
    CHECK((packed.abs() <= range * 0.21).all().item<bool>());
  }
}

TEST_CASE("4-bit panels keep normal weights to within 7.4 % of their deviation") {
  const at::Tensor weight = normal({64, 1024}, at::kFloat, 7);
  const at::Tensor error = packed_and_back(weight, WeightFormat::Int4) - weight;
  CHECK(error.std().item<double>() < 0.074 * weight.std().item<double>());
}

TEST_CASE("4-bit panels hold groups of one sign and of one outlier") {
  at::Tensor weight = normal({4, 64}, at::kFloat, 5).abs() + 3.0;
  weight[1].neg_();
  weight[2].mul_(1e-3).select(0, 7).fill_(1.0);
  weight[3].fill_(5.0);
  const at::Tensor got = packed_and_back(weight, WeightFormat::Int4);
  for (int64_t row = 0; row < 4; ++row) {
    INFO("row " << row);
    const at::Tensor range = in_groups(weight)[row].abs().amax(-1, true);
    const at::Tensor error = (in_groups(got)[row] - in_groups(weight)[row]) / range;
    CHECK(error.abs().max().item<double>() < 0.21);
    CHECK(error.square().mean().sqrt().item<double>() < 0.03);
  }
}

TEST_CASE("a weight of any strides and floating dtype is packed") {
  const at::Tensor weight = normal({33, 70}, at::kFloat, 1);
  for (const WeightFormat format :
       {WeightFormat::Bfloat16, WeightFormat::Int8, WeightFormat::Int4}) {
    const at::Tensor expected = packed_and_back(weight, format);
    CHECK(at::equal(packed_and_back(weight.t().contiguous().t(), format), expected));
    CHECK(at::equal(packed_and_back(weight.to(at::kDouble), format), expected));
    at::Tensor leaf = weight.clone().requires_grad_(true);
    CHECK(at::equal(packed_and_back(leaf, format), expected));
  }
}

TEST_CASE("panels take the bits an entry that weight_format.h says") {
  constexpr int64_t kRows = 64, kColumns = 4096;
  const auto bits = [](WeightFormat format) {
    const auto [panels, bytes] = packed_sizes(format, kRows, kColumns);
    return 8.0 * static_cast<double>(panels * bytes) / (kRows * kColumns);
  };
  CHECK(bits(WeightFormat::Bfloat16) == 16.0);
  CHECK(bits(WeightFormat::Int8) == 8.5);
  CHECK(bits(WeightFormat::Int4) == 4.5);
}

TEST_CASE("what cannot be packed is said with its shape") {
  CHECK_THROWS_WITH(
      pack_weight(at::zeros({2, 3, 4, 5}), WeightFormat::Int4),
      Contains("[pack_weight] expected weight [O, I] or [E, O, I] on the CPU, not "
               "empty, got [2, 3, 4, 5] on cpu."));
  CHECK_THROWS_WITH(
      pack_weight(at::zeros({0, 4}), WeightFormat::Int4), Contains("got [0, 4]"));
  CHECK_THROWS_WITH(
      pack_weight(at::zeros({2, 4}, at::device(at::kMeta)), WeightFormat::Int4),
      Contains("on meta"));
  CHECK_THROWS_AS(
      pack_weight(at::zeros({2, 4}, at::kLong), WeightFormat::Int8), c10::TypeError);
}

} // namespace omni::kernels
