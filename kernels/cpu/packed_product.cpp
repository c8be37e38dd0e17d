// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/packed_product.h"

namespace omni::kernels::cpu {

const PackedProducts& best_products() {
  for (const PackedProducts* products : {avx512_products(), avx2_products()}) {
    if (products != nullptr) {
      return *products;
    }
  }
  return portable_products();
}

bool has_fast_products() {
  return &best_products() != &portable_products();
}

RowForm row_form(const PackedProducts& products, WeightFormat format) {
  switch (format) {
    case WeightFormat::Bfloat16:
      return RowForm::Bfloat16;
    case WeightFormat::Int8:
      return products.int8_rows;
    case WeightFormat::Int4:
      break;
  }
  return RowForm::Codes8;
}

RowForm row_form(WeightFormat format) {
  return row_form(best_products(), format);
}

void multiply_packed(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  static const PackedProducts& products = best_products();
  switch (weight.format) {
    case WeightFormat::Bfloat16:
      return products.bfloat16(weight, x, range, out, out_stride);
    case WeightFormat::Int8:
      return products.int8(weight, x, range, out, out_stride);
    case WeightFormat::Int4:
      return products.int4(weight, x, range, out, out_stride);
  }
}

int64_t panels_per_task(int64_t num_rows) {
  // A row alone: some 32 kB of weights, so that a task is worth being handed out. Many
  // rows: the three panels of a tile, for they are read again for every few rows.
  return num_rows < 8 ? 6 : 3;
}

} // namespace omni::kernels::cpu
