// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = x W^T with W packed. Each entry of y is one sum over the columns in order, so it
// does not depend on how many rows or panels are asked for at once, nor on threads. One
// version for AVX-512 with bfloat16 and 8-bit products, one for AVX2, one for any
// processor. No torch.
#pragma once

#include "kernels/cpu/product_input.h"

namespace omni::kernels::cpu {

struct ProductRange {
  int64_t num_rows = 0; // M of x
  int64_t panel_begin = 0;
  int64_t panel_end = 0;
};

// out[m, 16 (p - panel_begin) + r] for the rows of x and the panels of the range,
// `out_stride` entries from row to row.
using PackedProduct = void (*)(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride);

struct PackedProducts {
  const char* name;
  // What `int8` reads: codes of 8 bits where instructions multiply them at once, of 16
  // bits where these take no longer, for they lose less of x. `int4` reads 8 bits.
  RowForm int8_rows;
  PackedProduct bfloat16;
  PackedProduct int8;
  PackedProduct int4;
};

[[nodiscard]] const PackedProducts& portable_products();
// Null where this build or this processor has none.
[[nodiscard]] const PackedProducts* avx512_products();
[[nodiscard]] const PackedProducts* avx2_products();
// The first of these that there is, else the portable ones.
[[nodiscard]] const PackedProducts& best_products();

// Whether that has instructions that make products of packed weights worth while.
[[nodiscard]] bool has_fast_products();

// What a product of these reads.
[[nodiscard]] RowForm row_form(const PackedProducts& products, WeightFormat format);

// The two below are by best_products().
[[nodiscard]] RowForm row_form(WeightFormat format);

void multiply_packed(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride);

// How many panels at once serve the product of M rows best.
[[nodiscard]] int64_t panels_per_task(int64_t num_rows);

} // namespace omni::kernels::cpu
