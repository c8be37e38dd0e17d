// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Rows as a product with a packed weight reads them: bfloat16 for a Bfloat16 weight,
// and for the integer formats codes with a scale for each 32 entries. No torch.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/packed_panels.h"

namespace omni::kernels::cpu {

enum class RowForm {
  Bfloat16,
  Codes8, // 127 steps to the largest of a group
  Codes16, // 127 * 256
};

// [M, padded I], rows one behind the other; what a form does not have is null.
struct ProductInput {
  const uint16_t* values = nullptr; // bfloat16 bits
  const int8_t* codes = nullptr; // x = scale * code
  // The same in 16 bits, each four columns in the order 0, 2, 1, 3: of the four bytes
  // that a weight has for them the even ones are taken apart at once, and the odd ones.
  const int16_t* wide_codes = nullptr;
  const float* scales = nullptr; // [M, I / 32]
  const int32_t* sums = nullptr; // [M, I / 32], of the codes of a group
};

// The rows of x, each of I entries, from `row` on.
[[gnu::always_inline]] inline ProductInput
from_row(const ProductInput& x, int64_t row, int64_t num_columns) {
  const int64_t padded = padded_columns(num_columns), groups = num_groups(num_columns);
  ProductInput rest = x;
  if (x.values != nullptr) {
    rest.values += row * padded;
    return rest;
  }
  if (x.codes != nullptr) {
    rest.codes += row * padded;
  } else {
    rest.wide_codes += row * padded;
  }
  rest.scales += row * groups;
  rest.sums += row * groups;
  return rest;
}

// Owns the memory of one; reused from call to call. Distinct rows may be set at once.
class ProductInputBuffer {
 public:
  // Room for M rows of I entries.
  void prepare(RowForm form, int64_t num_rows, int64_t num_columns);
  void set_row(int64_t row, const float* x);
  [[nodiscard]] ProductInput input() const;

 private:
  RowForm form_ = RowForm::Bfloat16;
  int64_t num_columns_ = 0;
  std::vector<uint16_t> values_;
  std::vector<int8_t> codes_;
  std::vector<int16_t> wide_codes_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
};

} // namespace omni::kernels::cpu
