// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <algorithm>
#include <cmath>

#include "kernels/path.h"
#include "kernels/reference.h"
#include "tests/kernels/op_table.h"

namespace omni::kernels::testing {
namespace {

OpCase packed_linear_case(
    std::string variant,
    WeightFormat format,
    int64_t num_rows,
    int64_t num_columns,
    bool has_bias) {
  const PackedWeight weight =
      pack_weight(normal({num_rows, num_columns}, at::kFloat, 2) * 0.1, format);
  PackedWeight on_device = weight;
  on_device.panels = weight.panels.to(tested_device());
  const at::Tensor bias = has_bias // undefined: none
      ? normal({num_rows}, at::kFloat, 3).to(tested_device())
      : at::Tensor();
  return {
      .op = "packed_linear",
      .variant = std::move(variant),
      .inputs = [=](int64_t rows, at::ScalarType dtype) -> Tensors {
        return {exact_rows(rows, num_columns, dtype)};
      },
      .fused = [=](const Tensors& in) -> Tensors {
        return {packed_linear(in[0], on_device, or_absent(bias))};
      },
      .reference = [=](const Tensors& in) -> Tensors {
        return {reference::packed_linear(in[0], weight, or_absent(bias))};
      },
      .float32_tolerance = 5e-6};
}

} // namespace

// Multiples of a power of two, of another one in each group of 32, with 127 of them in
// each group: 8 bits hold them, with a scale that is the power of two.
at::Tensor exact_rows(int64_t rows, int64_t width, at::ScalarType dtype) {
  const at::Tensor x =
      (normal({rows, width}, at::kFloat, 1) * 50.0).round().clamp(-127, 127);
  for (int64_t begin = 0; begin < width; begin += 32) {
    const int64_t group = begin / 32, size = std::min<int64_t>(32, width - begin);
    x.select(1, begin + group % size).fill_(group % 2 == 0 ? 127.0 : -127.0);
    x.narrow(1, begin, size).mul_(std::ldexp(1.0, static_cast<int>(group % 3) - 7));
  }
  return x.to(dtype);
}

std::vector<OpCase> packed_linear_cases() {
  return {
      packed_linear_case("16 bits, bias", WeightFormat::Bfloat16, 35, 70, true),
      packed_linear_case(
          "16 bits, whole groups", WeightFormat::Bfloat16, 48, 64, false),
      packed_linear_case("8 bits", WeightFormat::Int8, 35, 70, false),
      packed_linear_case("8 bits, bias", WeightFormat::Int8, 1, 64, true),
      packed_linear_case("4 bits", WeightFormat::Int4, 35, 70, false),
      packed_linear_case("4 bits, bias", WeightFormat::Int4, 16, 33, true)};
}

} // namespace omni::kernels::testing
