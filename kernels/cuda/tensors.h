// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: tensors as the pointers, rows and C++ types that kernels take.
#pragma once

#include <ATen/ATen.h>

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// A type as a value: Bf16 has no members here.
template <typename T>
struct Type {};

// Calls `run` with the Type of float32's or bfloat16's C++ type.
template <typename Run>
void for_dtype(at::ScalarType dtype, const Run& run) {
  if (dtype == at::kFloat) {
    run(Type<float>());
  } else {
    run(Type<Bf16>());
  }
}

// Null for an undefined tensor.
template <typename T>
const T* entries(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<const T*>(tensor.const_data_ptr()) : nullptr;
}
template <typename T>
T* mutable_entries(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.mutable_data_ptr()) : nullptr;
}

inline int64_t num_rows(const at::Tensor& tensor) {
  return at::multiply_integers(tensor.sizes().slice(0, tensor.dim() - 1));
}

// [.., D] as [R, D] with entries side by side, a view where strides allow.
inline at::Tensor as_rows(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
  return dense.reshape({num_rows(tensor), tensor.size(-1)});
}

// As float32 [D]. Undefined stays so.
inline at::Tensor in_float32(const at::Tensor& weight) {
  return weight.defined() ? weight.to(at::kFloat).contiguous() : weight;
}

} // namespace omni::kernels::cuda
