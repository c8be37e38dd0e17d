// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = x weight[e]^T, block by block: each product is ATen's own (bfloat16 adds up in
// float32, threads inside) and writes its rows of the one result. Bytes: x, y and the
// matrices of blocks that have rows, each once.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/packed_linear.h"
#include "kernels/path.h"
#include "kernels/reference.h"
#include "kernels/row_blocks.h"

namespace omni::kernels {
namespace {

// weight[block] in `dtype`, in a layout that a product reads in place.
at::Tensor matrix_of(const at::Tensor& weight, int64_t block, at::ScalarType dtype) {
  const at::Tensor matrix = weight.select(0, block).to(dtype);
  return matrix.t().is_contiguous() ? matrix : matrix.contiguous();
}

at::Tensor grouped_linear_cpu(
    const at::Tensor& x,
    const at::Tensor& weight,
    at::IntArrayRef counts) {
  check_grouped_linear(x, weight, counts);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({x, weight})) {
    return reference::grouped_linear(x, weight, counts);
  }
  const at::Tensor rows = x.contiguous();
  at::Tensor out = at::empty({x.size(0), weight.size(1)}, x.options());
  for_blocks(counts, [&](int64_t block, int64_t begin, int64_t count) {
    at::Tensor part = out.narrow(0, begin, count);
    const at::Tensor in = rows.narrow(0, begin, count);
    if (is_slow_in_bfloat16(in)) {
      part.copy_(at::mm(in.to(at::kFloat), matrix_of(weight, block, at::kFloat).t()));
    } else {
      at::mm_out(part, in, matrix_of(weight, block, x.scalar_type()).t());
    }
  });
  return out;
}

at::Tensor grouped_linear_weight_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& x,
    const at::Tensor& weight,
    at::IntArrayRef counts) {
  check_grouped_linear(x, weight, counts);
  check_gradient(grad, {x.size(0), weight.size(1)}, "grouped_linear_weight_backward");
  const NoAutocast no_autocast;
  const at::Tensor grad_rows = grad.contiguous(), rows = x.contiguous();
  at::Tensor weight_grad = at::zeros(weight.sizes(), weight.options());
  for_blocks(counts, [&](int64_t block, int64_t begin, int64_t count) {
    at::Tensor part = weight_grad.select(0, block);
    const at::Tensor left = grad_rows.narrow(0, begin, count).t();
    const at::Tensor right = rows.narrow(0, begin, count);
    if (x.scalar_type() == weight.scalar_type()) {
      at::mm_out(part, left, right);
    } else {
      part.copy_(at::mm(left, right));
    }
  });
  return weight_grad;
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("grouped_linear", &grouped_linear_cpu);
  m.impl("grouped_linear_weight_backward", &grouped_linear_weight_backward_cpu);
}

} // namespace omni::kernels
