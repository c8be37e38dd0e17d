// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/swiglu_cuda.h"

#include <torch/library.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/gated_unit.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

using AnyGate = omni::kernels::Gate; // of the ops; this namespace has the kernels' own

Gate to_kernel(AnyGate gate) {
  return gate == AnyGate::Silu ? Gate::Silu
      : gate == AnyGate::Gelu  ? Gate::Gelu
                               : Gate::GeluTanh;
}

// Rows [R, F] of gate and up, any distance apart.
void gated_forward(
    AnyGate gate,
    const at::Tensor& gates,
    const at::Tensor& ups,
    const at::Tensor& out,
    Stream stream) {
  for_dtype(out.scalar_type(), [&]<typename T>(Type<T>) {
    launch_swiglu<T>(
        to_kernel(gate),
        {entries<T>(gates), entries<T>(ups), mutable_entries<T>(out), gates.size(0),
         gates.size(1), gates.stride(0), ups.stride(0)},
        stream);
  });
}

// grad_gate and grad_up likewise, as far apart as each other.
void gated_backward(
    AnyGate gate,
    const at::Tensor& grad,
    const at::Tensor& gates,
    const at::Tensor& ups,
    const at::Tensor& grad_gate,
    const at::Tensor& grad_up,
    Stream stream) {
  const at::Tensor dy = grad.contiguous();
  for_dtype(gates.scalar_type(), [&]<typename T>(Type<T>) {
    launch_swiglu_backward<T>(
        to_kernel(gate),
        {entries<T>(dy), entries<T>(gates), entries<T>(ups),
         mutable_entries<T>(grad_gate), mutable_entries<T>(grad_up), gates.size(0),
         gates.size(1), gates.stride(0), ups.stride(0), grad_gate.stride(0)},
        stream);
  });
}

template <typename... Form>
at::Tensor merged_cuda(const at::Tensor& gate_up, Form... form) {
  const AnyGate gate = gate_of(form...);
  check_gated_unit(gate, gate_up);
  const NoAutocast no_autocast;
  const OnDevice device("swiglu", {gate_up});
  if (!has_fused_dtypes({gate_up})) {
    const std::vector<at::Tensor> halves = gate_up.chunk(2, -1);
    return reference::gated_unit(gate, halves[0], halves[1]);
  }
  const at::Tensor rows = as_rows(gate_up);
  const int64_t width = rows.size(1) / 2;
  std::vector<int64_t> sizes = gate_up.sizes().vec();
  sizes.back() = width;
  const at::Tensor out = at::empty(sizes, gate_up.options());
  gated_forward(
      gate, rows.narrow(1, 0, width), rows.narrow(1, width, width), out,
      device.stream());
  return out;
}

template <typename... Form>
at::Tensor pair_cuda(const at::Tensor& gate, const at::Tensor& up, Form... form) {
  const AnyGate kind = gate_of(form...);
  check_gated_unit(kind, gate, up);
  const NoAutocast no_autocast;
  const OnDevice device("swiglu", {gate, up});
  if (!has_fused_dtypes({gate, up})) {
    return reference::gated_unit(kind, gate, up);
  }
  const at::Tensor out = at::empty(gate.sizes(), gate.options());
  gated_forward(kind, as_rows(gate), as_rows(up), out, device.stream());
  return out;
}

template <typename... Form>
at::Tensor
merged_backward_cuda(const at::Tensor& grad, const at::Tensor& gate_up, Form... form) {
  check_gated_unit_backward(gate_of(form...), grad, gate_up);
  const NoAutocast no_autocast;
  const OnDevice device("swiglu_backward", {grad, gate_up});
  const at::Tensor rows = as_rows(gate_up);
  const int64_t width = rows.size(1) / 2;
  const at::Tensor out = at::empty(gate_up.sizes(), gate_up.options());
  const at::Tensor out_rows = out.view(rows.sizes());
  gated_backward(
      gate_of(form...), grad, rows.narrow(1, 0, width), rows.narrow(1, width, width),
      out_rows.narrow(1, 0, width), out_rows.narrow(1, width, width), device.stream());
  return out;
}

template <typename... Form>
std::tuple<at::Tensor, at::Tensor> pair_backward_cuda(
    const at::Tensor& grad,
    const at::Tensor& gate,
    const at::Tensor& up,
    Form... form) {
  check_gated_unit_backward(gate_of(form...), grad, gate, up);
  const NoAutocast no_autocast;
  const OnDevice device("swiglu_backward", {grad, gate, up});
  const at::Tensor gates = as_rows(gate), ups = as_rows(up);
  const at::Tensor grad_gate = at::empty(gate.sizes(), gate.options());
  const at::Tensor grad_up = at::empty(up.sizes(), up.options());
  gated_backward(
      gate_of(form...), grad, gates, ups, grad_gate.view(gates.sizes()),
      grad_up.view(ups.sizes()), device.stream());
  return {grad_gate, grad_up};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("swiglu", &merged_cuda<>);
  m.impl("swiglu.pair", &pair_cuda<>);
  m.impl("swiglu_backward", &merged_backward_cuda<>);
  m.impl("swiglu_backward.pair", &pair_backward_cuda<>);
  m.impl("geglu", &merged_cuda<bool>);
  m.impl("geglu.pair", &pair_cuda<bool>);
  m.impl("geglu_backward", &merged_backward_cuda<bool>);
  m.impl("geglu_backward.pair", &pair_backward_cuda<bool>);
}

} // namespace omni::kernels::cuda
