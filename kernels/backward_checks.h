// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal to kernels/: the argument checks of backward ops, which every backend runs
// first beside those of the forward op (path.h). torch.ops.omni reaches them too.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

namespace omni::kernels {

// Throws TypeError unless `grad` is float32 or bfloat16, as fused paths are, ValueError
// unless it has `sizes`.
inline void check_gradient(
    const at::Tensor& grad,
    at::IntArrayRef sizes,
    std::string_view op,
    std::string_view name = "grad") {
  const at::ScalarType dtype = grad.scalar_type();
  TORCH_CHECK_TYPE(
      dtype == at::kFloat || dtype == at::kBFloat16, "[", op, "] expected `", name,
      "` of float32 or bfloat16, got ", dtype, ".");
  TORCH_CHECK_VALUE(
      grad.sizes() == sizes, "[", op, "] expected `", name, "` ", sizes, ", got ",
      grad.sizes(), ".");
}

// Of what has the sizes and the dtype of `like`.
inline void check_gradient_like(
    const at::Tensor& grad,
    const at::Tensor& like,
    std::string_view op,
    std::string_view name = "grad") {
  check_gradient(grad, like.sizes(), op, name);
  TORCH_CHECK_TYPE(
      grad.scalar_type() == like.scalar_type(), "[", op, "] expected `", name, "` of ",
      like.scalar_type(), ", got ", grad.scalar_type(), ".");
}

void check_add_rms_norm_backward(
    const at::Tensor& grad_normed,
    const std::optional<at::Tensor>& grad_sum,
    const at::Tensor& sum,
    const at::Tensor& weight);
void check_splice_rows_backward(const at::Tensor& grad, const at::Tensor& indices);

} // namespace omni::kernels
