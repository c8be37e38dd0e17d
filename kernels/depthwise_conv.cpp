// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Convolution in time of every channel by itself. On a CUDA device the reference is
// what is wanted: a conv1d in groups of one channel, with its own gradient.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_depthwise_conv1d(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias) {
  check_floating(x, "depthwise_conv1d", "x");
  check_floating(weight, "depthwise_conv1d", "weight");
  check_floating(bias, "depthwise_conv1d", "bias");
  TORCH_CHECK_VALUE(
      x.dim() == 3 && weight.dim() == 2 && bias.dim() == 1 &&
          x.size(2) == weight.size(1) && bias.size(0) == weight.size(1),
      "[depthwise_conv1d] expected x [B, T, C], weight [K, C] and bias [C], got ",
      x.sizes(), ", ", weight.sizes(), " and ", bias.sizes(), ".");
  TORCH_CHECK_VALUE(
      weight.size(0) % 2 == 1, "[depthwise_conv1d] expected a kernel of odd size, got ",
      weight.size(0), ".");
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor call(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::depthwise_conv1d", "")
                             .typed<decltype(call)>();
  return op.call(x, weight, bias);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor>
call_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::depthwise_conv1d_backward", "")
                             .typed<decltype(call_backward)>();
  return op.call(grad, x, weight);
}

at::Tensor
by_reference(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check_depthwise_conv1d(x, weight, bias);
  const NoAutocast no_autocast;
  return reference::depthwise_conv1d(x, weight, bias);
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& x,
      const at::Tensor& weight,
      const at::Tensor& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["bias_dtype"] = static_cast<int64_t>(bias.scalar_type());
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "[depthwise_conv1d] expected to be differentiated once, got "
        "create_graph=True.");
    const variable_list saved = context->get_saved_variables();
    const auto [x, weight, bias] = call_backward(grads[0], saved[0], saved[1]);
    const auto bias_dtype =
        static_cast<at::ScalarType>(context->saved_data["bias_dtype"].toInt());
    return {x, weight, bias.to(bias_dtype)};
  }
};

at::Tensor
by_autograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!needs_gradient({x, weight, bias})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(x, weight, bias);
  }
  if (!takes_cpu_path({x, weight, bias})) {
    return by_reference(x, weight, bias);
  }
  return Convolution::apply(x, weight, bias);
}

at::Tensor meta(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check_depthwise_conv1d(x, weight, bias);
  return at::empty(
      x.sizes(),
      x.options().dtype(x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor>
meta_backward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& weight) {
  return {
      at::empty(x.sizes(), x.options()), at::empty(weight.sizes(), weight.options()),
      at::empty({weight.size(1)}, grad.options())};
}

} // namespace

at::Tensor depthwise_conv1d(
    const at::Tensor& x,
    const at::Tensor& weight,
    const at::Tensor& bias) {
  return call(x, weight, bias);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("depthwise_conv1d(Tensor x, Tensor weight, Tensor bias) -> Tensor");
  // Gradients of x, weight and bias.
  m.def(
      "depthwise_conv1d_backward(Tensor grad, Tensor x, Tensor weight) -> (Tensor, "
      "Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("depthwise_conv1d", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("depthwise_conv1d", &meta);
  m.impl("depthwise_conv1d_backward", &meta_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("depthwise_conv1d", &by_autograd);
}

} // namespace omni::kernels
