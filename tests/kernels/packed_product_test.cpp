// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The versions of the product over the same panels and rows, and what a product
// reads of a row.
#include "kernels/cpu/packed_product.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>
#include <vector>

#include "kernels/packed_linear.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels::cpu {

decltype(avx512_products) emulated_avx512_products; // see avx512_emulation.h

namespace {

using kernels::testing::normal;

constexpr WeightFormat kFormats[] = {
    WeightFormat::Bfloat16, WeightFormat::Int8, WeightFormat::Int4};

PackedProduct product_of(const PackedProducts& products, WeightFormat format) {
  return format == WeightFormat::Bfloat16 ? products.bfloat16
      : format == WeightFormat::Int8      ? products.int8
                                          : products.int4;
}

// Of so many groups of 32, in the order of the columns: float64 [groups, 32].
at::Tensor codes_of(const ProductInput& input, int64_t num_groups) {
  if (input.codes != nullptr) {
    return at::from_blob(
               const_cast<int8_t*>(input.codes), {num_groups, kGroupColumns}, at::kChar)
        .to(at::kDouble);
  }
  return at::from_blob(
             const_cast<int16_t*>(input.wide_codes), {num_groups, 8, 4}, at::kShort)
      .to(at::kDouble)
      .index_select(2, at::tensor({0, 2, 1, 3}))
      .flatten(1);
}

// Panels and rows to multiply.
struct Problem {
  Problem(WeightFormat format, int64_t num_rows, int64_t num_columns, int64_t num_x)
      : Problem(
            format,
            normal({num_rows, num_columns}, at::kFloat, 1),
            normal({num_x, num_columns}, at::kFloat, 2)) {}
  Problem(WeightFormat format, const at::Tensor& weight, const at::Tensor& x_in)
      : packed(pack_weight(weight, format)), x(x_in) {}

  void set_rows(const PackedProducts& products, ProductInputBuffer& buffer) const {
    buffer.prepare(row_form(products, packed.format), x.size(0), x.size(1));
    for (int64_t m = 0; m < x.size(0); ++m) {
      buffer.set_row(m, x[m].const_data_ptr<float>());
    }
  }

  // What the rows stand for once `products` reads them, float64.
  [[nodiscard]] at::Tensor rounded_x(const PackedProducts& products) const {
    ProductInputBuffer buffer;
    set_rows(products, buffer);
    const ProductInput input = buffer.input();
    if (input.values != nullptr) {
      return x.to(at::kBFloat16).to(at::kDouble);
    }
    const int64_t groups = num_groups(x.size(1));
    const at::Tensor scales = at::from_blob(
        const_cast<float*>(input.scales), {x.size(0), groups, 1}, at::kFloat);
    return (codes_of(input, x.size(0) * groups).view({x.size(0), groups, -1}) * scales)
        .flatten(1)
        .narrow(1, 0, x.size(1));
  }

  [[nodiscard]] PackedMatrix matrix() const {
    return {
        packed.format, packed.num_rows, packed.num_columns,
        reinterpret_cast<const std::byte*>(packed.panels.const_data_ptr<uint8_t>())};
  }

  // Of the first `num_x` rows and some panels; entries nobody wrote are 77.
  [[nodiscard]] at::Tensor by(const PackedProducts& products, const ProductRange& range)
      const {
    const int64_t width = (range.panel_end - range.panel_begin) * kPanelRows;
    at::Tensor out = at::full({range.num_rows, width + 3}, 77.0f);
    ProductInputBuffer buffer;
    set_rows(products, buffer);
    product_of(products, packed.format)(
        matrix(), buffer.input(), range, out.mutable_data_ptr<float>(), width + 3);
    CHECK((out.narrow(1, width, 3) == 77.0f).all().item<bool>());
    return out.narrow(1, 0, width);
  }

  PackedWeight packed;
  at::Tensor x;
};

// What this processor can run.
std::vector<const PackedProducts*> versions() {
  std::vector<const PackedProducts*> found = {
      &portable_products(), emulated_avx512_products()};
  for (const PackedProducts* products : {avx2_products(), avx512_products()}) {
    if (products != nullptr) {
      found.push_back(products);
    }
  }
  if (found.size() < 4) {
    WARN(
        "AVX-512 or AVX2 is not on this processor: that product is emulated or not "
        "run");
  }
  return found;
}

} // namespace

TEST_CASE("all versions give the product of what the panels and rows stand for") {
  for (const PackedProducts* products : versions()) {
    for (const WeightFormat format : kFormats) {
      for (const int64_t columns : {1, 31, 64, 333}) {
        const Problem problem(format, 70, columns, 5);
        INFO(
            products->name << ", " << static_cast<int>(format) << ", " << columns
                           << " columns");
        const at::Tensor got = problem.by(*products, {5, 0, 5});
        const at::Tensor expected = at::linear(
            problem.rounded_x(*products),
            unpack_weight(problem.packed).to(at::kDouble));
        const double error = (got.narrow(1, 0, 70) - expected).norm().item<double>();
        CHECK(error < 2e-6 * expected.norm().item<double>());
        // The rows that fill the last panel are zeros.
        CHECK((got.narrow(1, 70, 10) == 0.0).all().item<bool>());
      }
    }
  }
}

TEST_CASE("any range of panels and number of rows gives the same bits") {
  for (const PackedProducts* products : versions()) {
    for (const WeightFormat format : kFormats) {
      // More columns than AVX2 converts at once.
      INFO(products->name << ", " << static_cast<int>(format));
      const Problem problem(format, 16 * 7, 333, 19);
      const at::Tensor all = problem.by(*products, {19, 0, 7});
      for (int64_t rows = 1; rows <= 19; ++rows) {
        CHECK(at::equal(problem.by(*products, {rows, 0, 7}), all.narrow(0, 0, rows)));
      }
      for (int64_t begin = 0; begin < 7; ++begin) {
        for (int64_t end = begin + 1; end <= 7; ++end) {
          CHECK(at::equal(
              problem.by(*products, {19, begin, end}),
              all.narrow(1, begin * kPanelRows, (end - begin) * kPanelRows)));
        }
      }
    }
  }
}

TEST_CASE("the largest codes do not overflow") {
  for (const PackedProducts* products : versions()) {
    for (const WeightFormat format : {WeightFormat::Int8, WeightFormat::Int4}) {
      for (const double sign : {1.0, -1.0}) {
        INFO(products->name << ", " << static_cast<int>(format) << ", " << sign);
        const Problem problem(
            format, at::full({16, 64}, sign), at::full({6, 64}, -1.0));
        const at::Tensor got = problem.by(*products, {6, 0, 1});
        CHECK(at::allclose(got, at::full({6, 16}, -64.0 * sign), 0.02, 0.0));
      }
    }
  }
}

TEST_CASE("multiply_packed is the best version's product") {
  const PackedProducts& best = best_products();
  for (const WeightFormat format : kFormats) {
    const Problem problem(format, 40, 96, 3);
    at::Tensor out = at::empty({3, 48});
    ProductInputBuffer buffer;
    problem.set_rows(best, buffer);
    multiply_packed(
        problem.matrix(), buffer.input(), {3, 0, 3}, out.mutable_data_ptr<float>(), 48);
    CHECK(at::equal(out, problem.by(best, {3, 0, 3})));
  }
}

TEST_CASE("codes of rows: to nearest, a scale and a sum for each 32") {
  const auto [form, largest] = GENERATE(
      std::pair(RowForm::Codes8, 127.0f), std::pair(RowForm::Codes16, 32512.0f));
  constexpr int64_t kColumns = 70;
  const at::Tensor x = normal({2, kColumns}, at::kFloat, 3);
  x[0].narrow(0, 32, 32).zero_();
  x[1][69] = -40.0f;
  ProductInputBuffer buffer;
  buffer.prepare(form, 2, kColumns);
  for (int64_t m = 0; m < 2; ++m) {
    buffer.set_row(m, x[m].const_data_ptr<float>());
  }
  const ProductInput input = buffer.input();
  const at::Tensor codes = codes_of(input, 6);
  for (int64_t m = 0; m < 2; ++m) {
    for (int64_t g = 0; g < 3; ++g) {
      INFO("row " << m << ", group " << g);
      const int64_t size = std::min(kGroupColumns, kColumns - g * kGroupColumns);
      const at::Tensor group = x[m].narrow(0, g * kGroupColumns, size);
      const float scale = input.scales[m * 3 + g];
      CHECK(scale == group.abs().max().item<float>() / largest);
      double sum = 0.0;
      for (int64_t i = 0; i < kGroupColumns; ++i) {
        const auto code = codes[m * 3 + g][i].item<double>();
        const double value = i < size ? group[i].item<double>() : 0.0;
        CHECK(std::abs(code * scale - value) <= scale * (0.5 + largest * 1e-7));
        sum += code;
      }
      CHECK(input.sums[m * 3 + g] == sum);
    }
  }
}

TEST_CASE("a buffer serves narrower rows and other formats after wide ones") {
  const PackedProducts& best = best_products();
  ProductInputBuffer buffer;
  Problem(WeightFormat::Int8, 16, 300, 4).set_rows(best, buffer);
  for (const WeightFormat format : kFormats) {
    const Problem narrow(format, 16, 33, 2);
    narrow.set_rows(best, buffer);
    at::Tensor out = at::empty({2, 16});
    multiply_packed(
        narrow.matrix(), buffer.input(), {2, 0, 1}, out.mutable_data_ptr<float>(), 16);
    CHECK(at::equal(out, narrow.by(best, {2, 0, 1})));
  }
}

} // namespace omni::kernels::cpu
