// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The op over whole tensors; op_table.cpp has rows for it too, packed_product_test.cpp
// the two versions of the product, packed_panels_test.cpp the memory of a weight.
#include "kernels/packed_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/cpu/packed_product.h"
#include "kernels/reference.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"
#include "tests/support/torch_threads.h"

namespace omni::kernels {
namespace {

using omni::testing::Contains;
using testing::difference;
using testing::exact_rows;
using testing::normal;

constexpr WeightFormat kFormats[] = {
    WeightFormat::Bfloat16, WeightFormat::Int8, WeightFormat::Int4};

struct Sizes {
  int64_t num_rows; // O
  int64_t num_columns; // I
};

// Multiples of a panel and a group, one more and one less, and a single one.
constexpr Sizes kSizes[] = {{1, 1},   {1, 33},  {15, 31},   {16, 32},
                            {17, 40}, {49, 96}, {100, 257}, {64, 512}};

PackedWeight weight_of(Sizes sizes, WeightFormat format) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(sizes.num_columns));
  return pack_weight(
      normal({sizes.num_rows, sizes.num_columns}, at::kFloat, 7) * scale, format);
}

// Both in float64: the root of the squared error over that of the squares.
double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  const at::Tensor wanted = expected.to(at::kDouble);
  return ((got.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

at::Tensor expected_of(
    const at::Tensor& x,
    const PackedWeight& weight,
    const std::optional<at::Tensor>& bias = {}) {
  return reference::packed_linear(x.to(at::kDouble), weight, bias);
}

} // namespace

TEST_CASE("rows that quantise exactly give the product of the unpacked weight") {
  for (const WeightFormat format : kFormats) {
    for (const Sizes sizes : kSizes) {
      const PackedWeight weight = weight_of(sizes, format);
      for (const int64_t num_rows : {1, 2, 9, 33}) {
        INFO(
            static_cast<int>(format) << ": " << num_rows << " rows, " << sizes.num_rows
                                     << " x " << sizes.num_columns);
        const at::Tensor x = exact_rows(num_rows, sizes.num_columns, at::kFloat);
        const at::Tensor got = packed_linear(x, weight);
        CHECK(got.scalar_type() == at::kFloat);
        CHECK(difference({got}, {expected_of(x, weight)}, 5e-6) == "");
        const at::Tensor rounded = packed_linear(x.to(at::kBFloat16), weight);
        CHECK(rounded.scalar_type() == at::kBFloat16);
        CHECK(at::equal(rounded, got.to(at::kBFloat16)));
      }
    }
  }
}

TEST_CASE("any rows give nearly the product of the unpacked weight") {
  for (const Sizes sizes : {Sizes{17, 40}, Sizes{100, 257}, Sizes{64, 512}}) {
    const at::Tensor x = normal({33, sizes.num_columns}, at::kFloat, 4);
    const at::Tensor rounded = x.to(at::kBFloat16);
    for (const WeightFormat format : kFormats) {
      INFO(static_cast<int>(format) << ": " << sizes.num_columns << " columns");
      const PackedWeight weight = weight_of(sizes, format);
      const at::Tensor got = packed_linear(x, weight);
      const at::Tensor got_rounded = packed_linear(rounded, weight);
      if (format == WeightFormat::Bfloat16) { // float32 sums of rounded x
        CHECK(relative_error(got, expected_of(rounded, weight)) < 2e-6);
        CHECK(relative_error(got_rounded, expected_of(rounded, weight)) < 2e-3);
      } else { // the largest of 32 normal numbers is 2.3: steps of 2.3 / 127 or 32512
        const bool has_wide_codes = cpu::row_form(format) == cpu::RowForm::Codes16;
        const double bound = has_wide_codes ? 4e-5 : 1e-2;
        CHECK(relative_error(got, expected_of(x, weight)) < bound);
        CHECK(
            relative_error(got_rounded, expected_of(rounded, weight)) <
            std::max(bound, 2e-3));
      }
    }
  }
}

TEST_CASE("a bias is added in float32 before the result is rounded") {
  for (const WeightFormat format : kFormats) {
    const PackedWeight weight = weight_of({49, 40}, format);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor x = exact_rows(5, 40, at::kFloat);
      const at::Tensor bias = normal({49}, dtype, 6);
      INFO(static_cast<int>(format) << ", bias " << dtype);
      const at::Tensor sum = packed_linear(x, weight) + bias;
      CHECK(at::equal(packed_linear(x, weight, bias), sum));
      CHECK(at::equal(
          packed_linear(x.to(at::kBFloat16), weight, bias), sum.to(at::kBFloat16)));
      const at::Tensor wide = at::stack({bias, bias}, 1);
      CHECK(at::equal(packed_linear(x, weight, wide.select(1, 0)), sum));
    }
  }
}

TEST_CASE("x of any leading axes and strides, or without rows") {
  for (const WeightFormat format : kFormats) {
    const PackedWeight weight = weight_of({17, 64}, format);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor x = normal({6, 64}, dtype, 5);
      const at::Tensor expected = packed_linear(x, weight);
      const at::Tensor grouped = packed_linear(x.view({2, 1, 3, 64}), weight);
      CHECK(grouped.sizes() == at::IntArrayRef({2, 1, 3, 17}));
      CHECK(at::equal(grouped.view({6, 17}), expected));
      CHECK(at::equal(packed_linear(x[2], weight), expected[2]));
      CHECK(at::equal(packed_linear(x.t().contiguous().t(), weight), expected));
      const at::Tensor gaps = at::cat({x, x, x}, 1).narrow(1, 64, 64);
      CHECK(at::equal(packed_linear(gaps, weight), expected));
      const at::Tensor none = packed_linear(x.narrow(0, 0, 0).unsqueeze(0), weight);
      CHECK(none.sizes() == at::IntArrayRef({1, 0, 17}));
      CHECK(none.scalar_type() == dtype);
    }
  }
}

TEST_CASE("a row's result does not depend on the other rows, nor on threads") {
  for (const WeightFormat format : kFormats) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (const Sizes sizes : {Sizes{131, 96}, Sizes{50, 77}}) {
        INFO(static_cast<int>(format) << ", " << dtype << ", " << sizes.num_columns);
        const PackedWeight weight = weight_of(sizes, format);
        const at::Tensor x = normal({37, sizes.num_columns}, dtype, 8);
        const at::Tensor bias = normal({sizes.num_rows}, at::kFloat, 9);
        const at::Tensor all = packed_linear(x, weight, bias);
        for (const int64_t size : {1, 2, 3, 5, 8}) {
          for (int64_t row = 0; row + size <= 37; row += size) {
            CHECK(at::equal(
                packed_linear(x.narrow(0, row, size), weight, bias),
                all.narrow(0, row, size)));
          }
        }
        for (const int number : {1, 2}) {
          const test::TorchThreads threads(number);
          CHECK(at::equal(packed_linear(x, weight, bias), all));
          CHECK(at::equal(packed_linear(x[0], weight, bias), all[0]));
        }
      }
    }
  }
}

TEST_CASE("a number that is none spoils its row and no other") {
  for (const WeightFormat format : kFormats) {
    const PackedWeight weight = weight_of({17, 70}, format);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor x = normal({3, 70}, dtype, 5);
      const at::Tensor expected = packed_linear(x, weight);
      for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
        for (const int64_t column : {3, 68}) {
          INFO(static_cast<int>(format) << ", " << dtype << ", " << bad);
          const at::Tensor spoilt = x.clone();
          spoilt[1][column] = bad;
          const at::Tensor got = packed_linear(spoilt, weight);
          CHECK_FALSE(got[1].isfinite().any().item<bool>());
          CHECK(at::equal(got[0], expected[0]));
          CHECK(at::equal(got[2], expected[2]));
        }
      }
    }
  }
}

TEST_CASE("rows of zeros and of the smallest numbers give next to nothing") {
  for (const WeightFormat format : kFormats) {
    const PackedWeight weight = weight_of({17, 40}, format);
    CHECK(at::equal(packed_linear(at::zeros({2, 40}), weight), at::zeros({2, 17})));
    for (const double size : {1e-30, 1e-37, 1e-40}) {
      const at::Tensor got =
          packed_linear(normal({2, 40}, at::kFloat, 5) * size, weight);
      CHECK(got.abs().max().item<double>() < 100.0 * size);
    }
  }
}

TEST_CASE("each block of rows is multiplied by its own of several packed weights") {
  const std::vector<int64_t> counts = {5, 0, 1, 3};
  for (const WeightFormat format : kFormats) {
    for (const Sizes sizes : {Sizes{17, 40}, Sizes{64, 96}}) {
      INFO(static_cast<int>(format) << ": " << sizes.num_rows << " rows of a weight");
      const at::Tensor plain =
          normal({4, sizes.num_rows, sizes.num_columns}, at::kFloat, 7);
      const PackedWeight weights = pack_weight(plain, format);
      CHECK(weights.num_rows == sizes.num_rows);
      const at::Tensor x = normal({9, sizes.num_columns}, at::kFloat, 8);
      std::vector<at::Tensor> expected;
      for (const auto& [block, begin, count] :
           std::vector<std::array<int64_t, 3>>{{0, 0, 5}, {2, 5, 1}, {3, 6, 3}}) {
        expected.push_back(packed_linear(
            x.narrow(0, begin, count), pack_weight(plain[block], format)));
      }
      CHECK(at::equal(grouped_packed_linear(x, weights, counts), at::cat(expected)));
      const at::Tensor none =
          grouped_packed_linear(x.narrow(0, 0, 0), weights, {0, 0, 0, 0});
      CHECK(none.sizes() == at::IntArrayRef({0, sizes.num_rows}));
    }
  }
  const PackedWeight weights = pack_weight(at::ones({2, 17, 40}), WeightFormat::Int8);
  const at::Tensor x = at::zeros({3, 40});
  CHECK_THROWS_WITH(
      grouped_packed_linear(x, weights, {1, 1, 1}),
      Contains(
          "[grouped_packed_linear] expected a count for each of 2 weights, got 3"));
  CHECK_THROWS_WITH(
      grouped_packed_linear(x, weights, {1, 1}),
      Contains("expected counts that add up to the 3 rows of x, got 2."));
  CHECK_THROWS_WITH(
      grouped_packed_linear(x.t(), weights, {1, 2}),
      Contains("expected x [N, 40], got [40, 3]."));
}

TEST_CASE("panels on meta give the shapes and dtypes of real ones") {
  for (const WeightFormat format : kFormats) {
    PackedWeight weight = weight_of({17, 40}, format);
    weight.panels = weight.panels.to(at::kMeta);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor x = at::empty({2, 3, 40}, at::dtype(dtype).device(at::kMeta));
      const at::Tensor got =
          packed_linear(x, weight, at::empty({17}, at::device(at::kMeta)));
      CHECK(got.is_meta());
      CHECK(got.sizes() == at::IntArrayRef({2, 3, 17}));
      CHECK(got.scalar_type() == dtype);
    }
  }
}

TEST_CASE("packed_linear says what it expected") {
  const PackedWeight weight = weight_of({17, 40}, WeightFormat::Int8);
  const at::Tensor x = at::zeros({2, 40});
  CHECK_THROWS_WITH(
      packed_linear(at::zeros({2, 33}), weight), // which is padded to as many columns
      Contains("[packed_linear] expected x [.., 40], got [2, 33]."));
  CHECK_THROWS_WITH(
      packed_linear(at::zeros({}), weight), Contains("expected x [.., 40], got []."));
  CHECK_THROWS_AS(packed_linear(at::zeros({2, 40}, at::kLong), weight), c10::TypeError);
  CHECK_THROWS_WITH(
      packed_linear(x, weight, at::zeros({16})),
      Contains("[packed_linear] expected bias [17], got [16]."));
  CHECK_THROWS_AS(packed_linear(x, weight, at::zeros({1, 17})), c10::ValueError);
  // The op itself, as Python reaches it.
  using Op = at::Tensor(
      const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, int64_t,
      int64_t);
  const auto op = c10::Dispatcher::singleton()
                      .findSchemaOrThrow("omni::packed_linear", "")
                      .typed<Op>();
  CHECK_THROWS_WITH(
      op.call(x, weight.panels, {}, 3, 17),
      Contains("[packed_linear] expected a format in [0, 2], got 3."));
  CHECK_THROWS_WITH(
      op.call(x, weight.panels, {}, 1, 0),
      Contains("expected x [.., I] and O rows, both positive, got x [2, 40] and 0"));
  CHECK_THROWS_WITH(
      op.call(at::zeros({2, 0}), weight.panels, {}, 1, 17), Contains("got x [2, 0]"));
  CHECK_THROWS_WITH(
      op.call(x, weight.panels, {}, 1, 33),
      Contains("[packed_linear] expected panels uint8 [3, 1088] of a weight [33, 40], "
               "got Byte [2, 1088]."));
  CHECK_THROWS_WITH(
      op.call(x, weight.panels.to(at::kChar), {}, 1, 17), Contains("got Char"));
  CHECK_THROWS_AS(
      op.call(x, weight.panels.t().contiguous().t(), {}, 1, 17), c10::ValueError);
}

} // namespace omni::kernels
