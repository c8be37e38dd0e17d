// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// silu(gate) * up (arXiv 2002.05202), of one merged tensor or of two.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_swiglu(const at::Tensor& gate, const at::Tensor& up) {
  check_floating(gate, "swiglu", "gate");
  TORCH_CHECK_TYPE(
      gate.scalar_type() == up.scalar_type(),
      "[swiglu] expected gate and up of one dtype, got ", gate.scalar_type(), " and ",
      up.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      gate.dim() >= 1 && gate.sizes() == up.sizes(),
      "[swiglu] expected gate and up of one shape [.., F], got ", gate.sizes(), " and ",
      up.sizes(), ".");
}

void check_swiglu(const at::Tensor& gate_up) {
  check_floating(gate_up, "swiglu", "gate_up");
  TORCH_CHECK_VALUE(
      gate_up.dim() >= 1 && gate_up.size(-1) % 2 == 0,
      "[swiglu] expected gate_up [.., 2F], got ", gate_up.sizes(), ".");
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor call_merged(const at::Tensor& gate_up) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::swiglu", "")
                             .typed<decltype(call_merged)>();
  return op.call(gate_up);
}

at::Tensor call_pair(const at::Tensor& gate, const at::Tensor& up) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::swiglu", "pair")
                             .typed<decltype(call_pair)>();
  return op.call(gate, up);
}

at::Tensor reference_merged(const at::Tensor& gate_up) {
  check_swiglu(gate_up);
  const NoAutocast no_autocast;
  const std::vector<at::Tensor> halves = gate_up.chunk(2, -1);
  return reference::swiglu(halves[0], halves[1]);
}

at::Tensor reference_pair(const at::Tensor& gate, const at::Tensor& up) {
  check_swiglu(gate, up);
  const NoAutocast no_autocast;
  return reference::swiglu(gate, up);
}

at::Tensor call_merged_backward(const at::Tensor& grad, const at::Tensor& gate_up) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::swiglu_backward", "")
                             .typed<decltype(call_merged_backward)>();
  return op.call(grad, gate_up);
}

std::tuple<at::Tensor, at::Tensor> call_pair_backward(
    const at::Tensor& grad,
    const at::Tensor& gate,
    const at::Tensor& up) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::swiglu_backward", "pair")
                             .typed<decltype(call_pair_backward)>();
  return op.call(grad, gate, up);
}

struct Merged : torch::autograd::Function<Merged> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_merged(gate_up);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return {call_merged_backward(grads[0], context->get_saved_variables()[0])};
  }
};

struct Pair : torch::autograd::Function<Pair> {
  static at::Tensor
  forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up) {
    context->save_for_backward({gate, up});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_pair(gate, up);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto [grad_gate, grad_up] = call_pair_backward(grads[0], saved[0], saved[1]);
    return {grad_gate, grad_up};
  }
};

at::Tensor autograd_merged(const at::Tensor& gate_up) {
  if (!needs_gradient({gate_up})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_merged(gate_up);
  }
  return takes_cpu_path({gate_up}) ? Merged::apply(gate_up) : reference_merged(gate_up);
}

at::Tensor autograd_pair(const at::Tensor& gate, const at::Tensor& up) {
  if (!needs_gradient({gate, up})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_pair(gate, up);
  }
  return takes_cpu_path({gate, up}) ? Pair::apply(gate, up) : reference_pair(gate, up);
}

at::Tensor meta_merged(const at::Tensor& gate_up) {
  check_swiglu(gate_up);
  std::vector<int64_t> sizes = gate_up.sizes().vec();
  sizes.back() /= 2;
  return at::empty(sizes, gate_up.options());
}

at::Tensor meta_pair(const at::Tensor& gate, const at::Tensor& up) {
  check_swiglu(gate, up);
  return at::empty(gate.sizes(), gate.options());
}

at::Tensor meta_merged_backward(const at::Tensor& /*grad*/, const at::Tensor& gate_up) {
  return at::empty(gate_up.sizes(), gate_up.options());
}

std::tuple<at::Tensor, at::Tensor> meta_pair_backward(
    const at::Tensor& /*grad*/,
    const at::Tensor& gate,
    const at::Tensor& up) {
  return {at::empty(gate.sizes(), gate.options()), at::empty(up.sizes(), up.options())};
}

} // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  return call_merged(gate_up);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return call_pair(gate, up);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("swiglu(Tensor gate_up) -> Tensor");
  m.def("swiglu.pair(Tensor gate, Tensor up) -> Tensor");
  m.def("swiglu_backward(Tensor grad, Tensor gate_up) -> Tensor");
  m.def(
      "swiglu_backward.pair(Tensor grad, Tensor gate, Tensor up) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("swiglu", &reference_merged);
  m.impl("swiglu.pair", &reference_pair);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("swiglu", &meta_merged);
  m.impl("swiglu.pair", &meta_pair);
  m.impl("swiglu_backward", &meta_merged_backward);
  m.impl("swiglu_backward.pair", &meta_pair_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("swiglu", &autograd_merged);
  m.impl("swiglu.pair", &autograd_pair);
}

} // namespace omni::kernels
