// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal to kernels/: what swiglu and geglu share. Both are act(gate) * up; the
// functions of either are templates on what its schema has beside the tensors: nothing
// for swiglu, `bool is_tanh` for geglu.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni::kernels {

enum class Gate { Silu, Gelu, GeluTanh };

inline Gate gate_of() {
  return Gate::Silu;
}
inline Gate gate_of(bool is_tanh) {
  return is_tanh ? Gate::GeluTanh : Gate::Gelu;
}

// Throw as kernels.h says, before any work.
void check_gated_unit(Gate kind, const at::Tensor& gate, const at::Tensor& up);
void check_gated_unit(Gate kind, const at::Tensor& gate_up);
// The same and the gradient of the result.
void check_gated_unit_backward(
    Gate kind,
    const at::Tensor& grad,
    const at::Tensor& gate,
    const at::Tensor& up);
void check_gated_unit_backward(
    Gate kind,
    const at::Tensor& grad,
    const at::Tensor& gate_up);

} // namespace omni::kernels
