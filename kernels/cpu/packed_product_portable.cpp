// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The products of packed_product.h in loops over the 16 rows of a panel, which the
// compiler vectorises for whatever it has; see Note [Row loops] in rms_norm_cpu.cpp.
#include <cstring>

#include "kernels/cpu/half_float.h"
#include "kernels/cpu/packed_product.h"

namespace omni::kernels::cpu {
namespace {

using Lanes = float[kPanelRows];

// `sum` runs through one row of x and one panel of so many columns.
[[gnu::always_inline]] inline void bfloat16_panel(
    const std::byte* panel,
    int64_t num_columns,
    const ProductInput& row,
    float* __restrict sum) {
  const int64_t padded = padded_columns(num_columns);
  const uint16_t* x = row.values;
  const auto* pairs = reinterpret_cast<const uint16_t*>(panel);
  for (int64_t k = 0; k < padded; k += 2) {
    const float first = float_of_bfloat16(x[k]), second = float_of_bfloat16(x[k + 1]);
    const uint16_t* __restrict w = pairs + k * kPanelRows;
#pragma omp simd
    for (int64_t r = 0; r < kPanelRows; ++r) {
      sum[r] += float_of_bfloat16(w[2 * r]) * first +
          float_of_bfloat16(w[2 * r + 1]) * second;
    }
  }
}

[[gnu::always_inline]] inline void int8_panel(
    const std::byte* panel,
    int64_t num_columns,
    const ProductInput& x,
    float* __restrict sum) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(panel);
  for (int64_t g = 0; g < num_groups(num_columns); ++g) {
    const uint8_t* group = bytes + g * kInt8Group;
    int32_t dots[kPanelRows];
    for (int64_t r = 0; r < kPanelRows; ++r) {
      dots[r] = -128 * x.sums[g];
    }
    for (int64_t k = 0; k < kGroupColumns; k += 4) {
      const uint8_t* __restrict w = group + kInt8Codes + k * kPanelRows;
      const int16_t* v = x.wide_codes + g * kGroupColumns + k;
#pragma omp simd
      for (int64_t r = 0; r < kPanelRows; ++r) {
        dots[r] += w[4 * r] * v[0] + w[4 * r + 1] * v[2] + w[4 * r + 2] * v[1] +
            w[4 * r + 3] * v[3];
      }
    }
    uint16_t scales[kPanelRows];
    std::memcpy(scales, group, sizeof(scales));
#pragma omp simd
    for (int64_t r = 0; r < kPanelRows; ++r) {
      sum[r] +=
          static_cast<float>(dots[r]) * (float_of_bfloat16(scales[r]) * x.scales[g]);
    }
  }
}

[[gnu::always_inline]] inline void int4_panel(
    const std::byte* panel,
    int64_t num_columns,
    const ProductInput& x,
    float* __restrict sum) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(panel);
  for (int64_t g = 0; g < num_groups(num_columns); ++g) {
    const uint8_t* group = bytes + g * kInt4Group;
    int32_t dots[kPanelRows] = {};
    for (int64_t chunk = 0; chunk < kGroupColumns / 8; ++chunk) {
      const uint8_t* __restrict w = group + kInt4Codes + chunk * 64;
      const int8_t* v = x.codes + g * kGroupColumns + chunk * 8;
#pragma omp simd
      for (int64_t r = 0; r < kPanelRows; ++r) {
        for (int64_t b = 0; b < 4; ++b) {
          dots[r] += (w[4 * r + b] & 15) * v[b] + (w[4 * r + b] >> 4) * v[b + 4];
        }
      }
    }
    uint16_t grids[kPanelRows];
    std::memcpy(grids, group, sizeof(grids));
    const float quarter = static_cast<float>(x.sums[g]) * 0.25f;
    for (int64_t r = 0; r < kPanelRows; ++r) {
      const auto zero = static_cast<float>(grids[r] & kInt4ZeroBits);
      const float dot = static_cast<float>(dots[r]) - zero * quarter;
      sum[r] += dot * (float_of_float16(int4_scale_bits(grids[r])) * x.scales[g]);
    }
  }
}

using Panel = void(
    const std::byte* panel,
    int64_t num_columns,
    const ProductInput& x,
    float* sum);

// Rows and panels, for the three functions below to be made of.
template <Panel panel_product>
[[gnu::always_inline]] inline void product(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  const int64_t columns = weight.num_columns, bytes = step_of(weight);
  for (int64_t p = range.panel_begin; p < range.panel_end; ++p) {
    for (int64_t m = 0; m < range.num_rows; ++m) {
      Lanes sum = {};
      panel_product(weight.panels + p * bytes, columns, from_row(x, m, columns), sum);
      std::memcpy(
          out + m * out_stride + (p - range.panel_begin) * kPanelRows, sum,
          sizeof(sum));
    }
  }
}

// A clone of a function holds what is inlined into it, so each format has a function of
// its own for the compiler to make clones of.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
bfloat16_product(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  product<bfloat16_panel>(weight, x, range, out, out_stride);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void int8_product(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  product<int8_panel>(weight, x, range, out, out_stride);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void int4_product(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  product<int4_panel>(weight, x, range, out, out_stride);
}

} // namespace

const PackedProducts& portable_products() {
  static const PackedProducts products = {
      "portable", RowForm::Codes16, &bfloat16_product, &int8_product, &int4_product};
  return products;
}

} // namespace omni::kernels::cpu
