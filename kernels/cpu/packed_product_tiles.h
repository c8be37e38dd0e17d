// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A product as tiles of R rows by P panels, whose sums stay in registers. No torch.
#pragma once

#include <algorithm>

#include "kernels/cpu/packed_product.h"

namespace omni::kernels::cpu {

// What a tile reads of its panels and rows.
struct Tile {
  const std::byte* panel; // the first
  int64_t panel_step; // bytes to the next
  int64_t num_columns;
  ProductInput x; // from the first row on
  float* out;
  int64_t out_stride;
};

// `Tiles` says how large tiles are at most, kRows and kPanels, and has
// run<R, P>(tile) for all up to these. Here the one of `rows` rows, at most R.
template <typename Tiles, int P, int R = Tiles::kRows>
void run_rows(const Tile& tile, int64_t rows) {
  if (rows == R) {
    Tiles::template run<R, P>(tile);
  } else if constexpr (R > 1) {
    run_rows<Tiles, P, R - 1>(tile, rows);
  }
}

template <typename Tiles, int P = Tiles::kPanels>
void run_panels(const Tile& tile, int64_t rows, int64_t panels) {
  if (panels == P) {
    run_rows<Tiles, P>(tile, rows);
  } else if constexpr (P > 1) {
    run_panels<Tiles, P - 1>(tile, rows, panels);
  }
}

// As PackedProduct.
template <typename Tiles>
void product_by_tiles(
    const PackedMatrix& weight,
    const ProductInput& x,
    const ProductRange& range,
    float* out,
    int64_t out_stride) {
  const int64_t step = step_of(weight);
  // A row alone reads panel after panel, one stream that is easily foreseen.
  const int64_t most = range.num_rows == 1 ? 1 : Tiles::kPanels;
  for (int64_t p = range.panel_begin; p < range.panel_end; p += most) {
    const int64_t panels = std::min(most, range.panel_end - p);
    for (int64_t m = 0; m < range.num_rows; m += Tiles::kRows) {
      const int64_t rows = std::min<int64_t>(Tiles::kRows, range.num_rows - m);
      const Tile tile{
          weight.panels + p * step,
          step,
          weight.num_columns,
          from_row(x, m, weight.num_columns),
          out + m * out_stride + (p - range.panel_begin) * kPanelRows,
          out_stride};
      run_panels<Tiles>(tile, rows, panels);
    }
  }
}

} // namespace omni::kernels::cpu
