// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One row for each op and variant: how to make inputs, the fused call, its plain twin
// and the tolerances. op_table_test.cpp runs every row through the same checks;
// bench_kernels has its own sizes. Sampling, whose answer is one id, has its own test.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <vector>

namespace omni::kernels::testing {

using Tensors = std::vector<at::Tensor>;

struct OpCase {
  std::string op; // as in torch.ops.omni
  std::string variant;
  // Inputs for `rows` rows, the floating ones in `dtype`; values a function of `rows`.
  std::function<Tensors(int64_t rows, at::ScalarType dtype)> inputs;
  std::function<Tensors(const Tensors& inputs)> fused;
  std::function<Tensors(const Tensors& inputs)> reference;
  size_t num_differentiable = 0; // leading inputs that take a gradient
  bool is_smooth = true; // finite differences see its gradient
  bool reads_all = true; // of the inputs: else their bytes say nothing of its speed
  // |got - reference in float64| <= tolerance * (1 + |reference|).
  double float32_tolerance = 2e-6;
  double bfloat16_tolerance = 8e-3;
  double float32_gradient_tolerance = 5e-6;
  double bfloat16_gradient_tolerance = 2e-2;
};

const std::vector<OpCase>& op_table();
// Its rows of attention, of feed-forwards and of packed weights.
std::vector<OpCase> attention_cases();
std::vector<OpCase> feed_forward_cases();
std::vector<OpCase> packed_linear_cases();

// Where op_table_test.cpp runs the table; each program defines it (on_cpu.cpp).
at::Device tested_device();

// N(0, 1) values that depend on the sizes and `seed` only.
at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype, uint64_t seed);

// [rows, width] of such values that nothing is lost when packed_linear rounds them to
// bfloat16, or to 8 bits in groups.
at::Tensor exact_rows(int64_t rows, int64_t width, at::ScalarType dtype);

// Empty when every tensor of `got` is within tolerance of `expected` (float64), else
// what differs.
std::string difference(const Tensors& got, const Tensors& expected, double tolerance);

// Defined floating tensors converted to float64, the others as they are.
Tensors in_float64(const Tensors& tensors);

} // namespace omni::kernels::testing
