// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/product_input.h"

#include <algorithm>

#include "kernels/cpu/row_steps.h"

namespace omni::kernels::cpu {
namespace {

struct GroupCodes {
  int8_t* codes; // [32]
  float* scale;
  int32_t* sum;
};

// Below it 127 / largest overflows.
constexpr float kLeast = 1e-36f;

// scale = max |x| / 127, codes to nearest even by adding 1.5 * 2^23. A NaN or infinity
// makes the scale NaN, and with it all that the row is multiplied by.
[[gnu::always_inline]] inline void quantize_group(
    const float* __restrict x,
    const GroupCodes& to) {
  float largest = 0.0f, zero = 0.0f;
#pragma omp simd reduction(max : largest) reduction(+ : zero)
  for (int64_t i = 0; i < kGroupColumns; ++i) {
    const float magnitude = x[i] < 0.0f ? -x[i] : x[i];
    largest = magnitude > largest ? magnitude : largest;
    zero += x[i] * 0.0f;
  }
  if (!(zero == 0.0f && largest > kLeast)) {
    for (int64_t i = 0; i < kGroupColumns; ++i) {
      to.codes[i] = 0;
    }
    *to.scale = zero;
    *to.sum = 0;
    return;
  }
  const float inverse = 127.0f / largest;
  int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < kGroupColumns; ++i) {
    constexpr float kMagic = 12582912.0f;
    const auto code = static_cast<int32_t>((x[i] * inverse + kMagic) - kMagic);
    to.codes[i] = static_cast<int8_t>(code);
    sum += code;
  }
  *to.scale = largest / 127.0f;
  *to.sum = sum;
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void quantize_row(
    const float* x,
    int64_t size,
    int8_t* codes,
    float* scales,
    int32_t* sums) {
  int64_t group = 0;
  for (; (group + 1) * kGroupColumns <= size; ++group) {
    const int64_t first = group * kGroupColumns;
    quantize_group(x + first, {codes + first, scales + group, sums + group});
  }
  if (group * kGroupColumns < size) {
    float rest[kGroupColumns] = {};
    const int64_t first = group * kGroupColumns;
    for (int64_t i = first; i < size; ++i) {
      rest[i - first] = x[i];
    }
    quantize_group(rest, {codes + first, scales + group, sums + group});
  }
}

} // namespace

void ProductInputBuffer::prepare(
    WeightFormat format,
    int64_t num_rows,
    int64_t num_columns) {
  format_ = format;
  num_columns_ = num_columns;
  const auto grow = [](auto& of, int64_t size) {
    of.resize(std::max(of.size(), static_cast<size_t>(size)));
  };
  const int64_t entries = num_rows * padded_columns(num_columns);
  if (format == WeightFormat::Bfloat16) {
    grow(values_, entries);
    return;
  }
  grow(codes_, entries);
  grow(scales_, num_rows * num_groups(num_columns));
  grow(sums_, num_rows * num_groups(num_columns));
}

void ProductInputBuffer::set_row(int64_t row, const float* x) {
  const int64_t padded = padded_columns(num_columns_);
  if (format_ == WeightFormat::Bfloat16) {
    uint16_t* values = values_.data() + row * padded;
    round_to_bfloat16(x, num_columns_, values);
    std::fill(values + num_columns_, values + padded, uint16_t{0});
    return;
  }
  const int64_t groups = num_groups(num_columns_);
  quantize_row(
      x, num_columns_, codes_.data() + row * padded, scales_.data() + row * groups,
      sums_.data() + row * groups);
}

ProductInput ProductInputBuffer::input() const {
  if (format_ == WeightFormat::Bfloat16) {
    return {.values = values_.data()};
  }
  return {.codes = codes_.data(), .scales = scales_.data(), .sums = sums_.data()};
}

} // namespace omni::kernels::cpu
