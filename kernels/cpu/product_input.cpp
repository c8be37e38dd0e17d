// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/product_input.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/row_steps.h"

namespace omni::kernels::cpu {
namespace {

template <typename Code>
struct GroupCodes {
  Code* codes; // [32]
  float* scale;
  int32_t* sum;
};

// 16 bits hold what 8 bits hold, each step in 256 parts.
template <typename Code>
inline constexpr float kLargestCode = sizeof(Code) == 1 ? 127.0f : 127.0f * 256.0f;

// Below it the largest code by it overflows.
constexpr float kLeast = 1e-33f;

// Each four codes in the order 0, 2, 1, 3. By words, which the compiler vectorises.
[[gnu::always_inline]] inline void swap_middles(int16_t* codes) {
  uint64_t words[kGroupColumns / 4];
  std::memcpy(words, codes, sizeof(words));
  for (uint64_t& word : words) {
    constexpr uint64_t kSecond = 0xFFFF'0000, kThird = 0xFFFF'0000'0000;
    word =
        (word & ~(kSecond | kThird)) | (word >> 16 & kSecond) | (word << 16 & kThird);
  }
  std::memcpy(codes, words, sizeof(words));
}

// scale = max |x| / kLargestCode, codes to nearest even by adding 1.5 * 2^23. A NaN or
// infinity makes the scale NaN, and with it all that the row is multiplied by.
template <typename Code>
[[gnu::always_inline]] inline void quantize_group(
    const float* __restrict x,
    const GroupCodes<Code>& to) {
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
  const float inverse = kLargestCode<Code> / largest;
  int32_t sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < kGroupColumns; ++i) {
    constexpr float kMagic = 12582912.0f;
    const auto code = static_cast<int32_t>((x[i] * inverse + kMagic) - kMagic);
    to.codes[i] = static_cast<Code>(code);
    sum += code;
  }
  if constexpr (sizeof(Code) == 2) {
    swap_middles(to.codes);
  }
  *to.scale = largest / kLargestCode<Code>;
  *to.sum = sum;
}

template <typename Code>
[[gnu::always_inline]] inline void
quantize_row(const float* x, int64_t size, Code* codes, float* scales, int32_t* sums) {
  int64_t group = 0;
  for (; (group + 1) * kGroupColumns <= size; ++group) {
    const int64_t first = group * kGroupColumns;
    quantize_group<Code>(x + first, {codes + first, scales + group, sums + group});
  }
  if (group * kGroupColumns < size) {
    float rest[kGroupColumns] = {};
    const int64_t first = group * kGroupColumns;
    for (int64_t i = first; i < size; ++i) {
      rest[i - first] = x[i];
    }
    quantize_group<Code>(rest, {codes + first, scales + group, sums + group});
  }
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
to_codes8(const float* x, int64_t size, int8_t* codes, float* scales, int32_t* sums) {
  quantize_row(x, size, codes, scales, sums);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
to_codes16(const float* x, int64_t size, int16_t* codes, float* scales, int32_t* sums) {
  quantize_row(x, size, codes, scales, sums);
}

} // namespace

void ProductInputBuffer::prepare(RowForm form, int64_t num_rows, int64_t num_columns) {
  form_ = form;
  num_columns_ = num_columns;
  const auto grow = [](auto& of, int64_t size) {
    of.resize(std::max(of.size(), static_cast<size_t>(size)));
  };
  const int64_t entries = num_rows * padded_columns(num_columns);
  if (form == RowForm::Bfloat16) {
    grow(values_, entries);
    return;
  }
  if (form == RowForm::Codes8) {
    grow(codes_, entries);
  } else {
    grow(wide_codes_, entries);
  }
  grow(scales_, num_rows * num_groups(num_columns));
  grow(sums_, num_rows * num_groups(num_columns));
}

void ProductInputBuffer::set_row(int64_t row, const float* x) {
  const int64_t padded = padded_columns(num_columns_);
  if (form_ == RowForm::Bfloat16) {
    uint16_t* values = values_.data() + row * padded;
    round_to_bfloat16(x, num_columns_, values);
    std::fill(values + num_columns_, values + padded, uint16_t{0});
    return;
  }
  float* scales = scales_.data() + row * num_groups(num_columns_);
  int32_t* sums = sums_.data() + row * num_groups(num_columns_);
  if (form_ == RowForm::Codes8) {
    to_codes8(x, num_columns_, codes_.data() + row * padded, scales, sums);
  } else {
    to_codes16(x, num_columns_, wide_codes_.data() + row * padded, scales, sums);
  }
}

ProductInput ProductInputBuffer::input() const {
  switch (form_) {
    case RowForm::Bfloat16:
      return {.values = values_.data()};
    case RowForm::Codes8:
      return {.codes = codes_.data(), .scales = scales_.data(), .sums = sums_.data()};
    case RowForm::Codes16:
      return {
          .wide_codes = wide_codes_.data(),
          .scales = scales_.data(),
          .sums = sums_.data()};
  }
  return {};
}

} // namespace omni::kernels::cpu
