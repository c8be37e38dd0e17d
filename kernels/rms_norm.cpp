// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// rms_norm and add_rms_norm: y = s / sqrt(mean(s^2) + eps) * (weight + offset) of s = x
// or residual + branch_multiplier * x; quantized_add_rms_norm: y in 8 bits.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight) {
  check_floating(x, "rms_norm", "x");
  check_floating(weight, "rms_norm", "weight");
  TORCH_CHECK_VALUE(
      x.dim() >= 1 && weight.dim() == 1 && weight.size(0) == x.size(-1),
      "[rms_norm] expected x [.., D] and weight [D], got ", x.sizes(), " and ",
      weight.sizes(), ".");
  if (residual.has_value()) {
    check_floating(*residual, "rms_norm", "residual");
    TORCH_CHECK_VALUE(
        residual->sizes() == x.sizes(), "[rms_norm] expected a residual of x's shape ",
        x.sizes(), ", got ", residual->sizes(), ".");
  }
}

void check_add_rms_norm_backward(
    const at::Tensor& grad_normed,
    const std::optional<at::Tensor>& grad_sum,
    const at::Tensor& sum,
    const at::Tensor& weight) {
  check_rms_norm(sum, std::nullopt, weight);
  check_gradient(grad_normed, sum.sizes(), "add_rms_norm_backward", "grad_normed");
  if (grad_sum.has_value()) {
    check_gradient_like(*grad_sum, sum, "add_rms_norm_backward", "grad_sum");
  }
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor call_rms_norm(
    const at::Tensor& x,
    const at::Tensor& weight,
    double eps,
    double weight_offset) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::rms_norm", "")
                             .typed<decltype(call_rms_norm)>();
  return op.call(x, weight, eps, weight_offset);
}

std::tuple<at::Tensor, at::Tensor> call_add_rms_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::add_rms_norm", "")
                             .typed<decltype(call_add_rms_norm)>();
  return op.call(x, residual, weight, eps, weight_offset, branch_multiplier);
}

at::Tensor reference_rms_norm(
    const at::Tensor& x,
    const at::Tensor& weight,
    double eps,
    double weight_offset) {
  check_rms_norm(x, std::nullopt, weight);
  const NoAutocast no_autocast;
  return reference::rms_norm(x, weight, {.eps = eps, .weight_offset = weight_offset});
}

std::tuple<at::Tensor, at::Tensor> reference_add_rms_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_rms_norm(x, residual, weight);
  const NoAutocast no_autocast;
  auto [normed, sum] = reference::add_rms_norm(
      x, residual, weight, {eps, weight_offset, branch_multiplier});
  return {normed, sum};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_quantized(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::quantized_add_rms_norm", "")
                             .typed<decltype(call_quantized)>();
  return op.call(x, residual, weight, eps, weight_offset, branch_multiplier);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> reference_quantized(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_rms_norm(x, residual, weight);
  const NoAutocast no_autocast;
  auto [quantized, scales, sum] = reference::quantized_add_rms_norm(
      x, residual, weight, {eps, weight_offset, branch_multiplier});
  return {quantized, scales, sum};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_backward(
    const at::Tensor& grad_normed,
    const std::optional<at::Tensor>& grad_sum,
    const at::Tensor& sum,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::add_rms_norm_backward", "")
                             .typed<decltype(call_backward)>();
  return op.call(
      grad_normed, grad_sum, sum, weight, eps, weight_offset, branch_multiplier);
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& x,
      const at::Tensor& weight,
      double eps,
      double weight_offset) {
    context->saved_data["eps"] = eps;
    context->saved_data["weight_offset"] = weight_offset;
    context->save_for_backward({x, weight});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_rms_norm(x, weight, eps, weight_offset);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto [grad_x, grad_branch, grad_weight] = call_backward(
        grads[0], std::nullopt, saved[0], saved[1],
        context->saved_data["eps"].toDouble(),
        context->saved_data["weight_offset"].toDouble(), 1.0);
    return {grad_x, grad_weight, {}, {}};
  }
};

struct AddRmsNormFunction : torch::autograd::Function<AddRmsNormFunction> {
  static variable_list forward(
      AutogradContext* context,
      const at::Tensor& x,
      const at::Tensor& residual,
      const at::Tensor& weight,
      double eps,
      double weight_offset,
      double branch_multiplier) {
    context->saved_data["eps"] = eps;
    context->saved_data["weight_offset"] = weight_offset;
    context->saved_data["branch_multiplier"] = branch_multiplier;
    context->saved_data["x_dtype"] = static_cast<int64_t>(x.scalar_type());
    context->set_materialize_grads(false);
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [normed, sum] =
        call_add_rms_norm(x, residual, weight, eps, weight_offset, branch_multiplier);
    context->save_for_backward({sum, weight});
    return {normed, sum};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto x_dtype =
        static_cast<at::ScalarType>(context->saved_data["x_dtype"].toInt());
    const double multiplier = context->saved_data["branch_multiplier"].toDouble();
    if (!grads[0].defined()) { // Only the sum was used.
      return {
          grads[1].defined() ? (grads[1] * multiplier).to(x_dtype) : at::Tensor(),
          grads[1],
          {},
          {},
          {},
          {}};
    }
    const auto [grad_sum, grad_branch, grad_weight] = call_backward(
        grads[0], or_absent(grads[1]), saved[0], saved[1],
        context->saved_data["eps"].toDouble(),
        context->saved_data["weight_offset"].toDouble(), multiplier);
    const bool is_same = multiplier == 1.0 && x_dtype == saved[0].scalar_type();
    return {is_same ? grad_sum : grad_branch, grad_sum, grad_weight, {}, {}, {}};
  }
};

at::Tensor autograd_rms_norm(
    const at::Tensor& x,
    const at::Tensor& weight,
    double eps,
    double weight_offset) {
  if (!needs_gradient({x, weight})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_rms_norm(x, weight, eps, weight_offset);
  }
  if (!takes_fused_path("rms_norm", {x, weight})) {
    return reference_rms_norm(x, weight, eps, weight_offset);
  }
  return RmsNorm::apply(x, weight, eps, weight_offset);
}

std::tuple<at::Tensor, at::Tensor> autograd_add_rms_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  if (!needs_gradient({x, residual, weight})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_add_rms_norm(
        x, residual, weight, eps, weight_offset, branch_multiplier);
  }
  if (!takes_fused_path("add_rms_norm", {x, residual, weight})) {
    return reference_add_rms_norm(
        x, residual, weight, eps, weight_offset, branch_multiplier);
  }
  const variable_list outputs = AddRmsNormFunction::apply(
      x, residual, weight, eps, weight_offset, branch_multiplier);
  return {outputs[0], outputs[1]};
}

at::Tensor meta_rms_norm(
    const at::Tensor& x,
    const at::Tensor& weight,
    double /*eps*/,
    double /*weight_offset*/) {
  check_rms_norm(x, std::nullopt, weight);
  return at::empty(x.sizes(), x.options());
}

std::tuple<at::Tensor, at::Tensor> meta_add_rms_norm(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    double /*eps*/,
    double /*weight_offset*/,
    double /*branch_multiplier*/) {
  check_rms_norm(x, residual, weight);
  return {at::empty(x.sizes(), x.options()), at::empty(x.sizes(), residual.options())};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> meta_quantized(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    double /*eps*/,
    double /*weight_offset*/,
    double /*branch_multiplier*/) {
  check_rms_norm(x, residual, weight);
  const at::IntArrayRef rows = x.sizes().slice(0, x.dim() - 1);
  return {
      at::empty(x.sizes(), x.options().dtype(at::kChar)),
      at::empty(rows, x.options().dtype(at::kFloat)),
      at::empty(x.sizes(), residual.value_or(x).options())};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> meta_backward(
    const at::Tensor& grad_normed,
    const std::optional<at::Tensor>& /*grad_sum*/,
    const at::Tensor& sum,
    const at::Tensor& weight,
    double /*eps*/,
    double /*weight_offset*/,
    double branch_multiplier) {
  const bool is_same =
      branch_multiplier == 1.0 && grad_normed.scalar_type() == sum.scalar_type();
  return {
      at::empty(sum.sizes(), sum.options()),
      at::empty(is_same ? at::IntArrayRef({0}) : sum.sizes(), grad_normed.options()),
      at::empty(weight.sizes(), weight.options())};
}

} // namespace

at::Tensor
rms_norm(const at::Tensor& x, const at::Tensor& weight, const RmsNormOptions& options) {
  return call_rms_norm(x, weight, options.eps, options.weight_offset);
}

AddRmsNorm add_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options) {
  if (!residual.has_value() || !residual->defined()) {
    const at::Tensor sum =
        options.branch_multiplier == 1.0 ? x : x * options.branch_multiplier;
    return {rms_norm(sum, weight, options), sum};
  }
  auto [normed, sum] = call_add_rms_norm(
      x, *residual, weight, options.eps, options.weight_offset,
      options.branch_multiplier);
  return {normed, sum};
}

QuantizedRmsNorm quantized_add_rms_norm(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    const RmsNormOptions& options) {
  auto [quantized, scales, sum] = call_quantized(
      x, residual, weight, options.eps, options.weight_offset,
      options.branch_multiplier);
  return {quantized, scales, sum};
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "rms_norm(Tensor x, Tensor weight, float eps=1e-6, float weight_offset=0.0) -> "
      "Tensor");
  m.def(
      "add_rms_norm(Tensor x, Tensor residual, Tensor weight, float eps=1e-6, "
      "float weight_offset=0.0, float branch_multiplier=1.0) -> (Tensor, Tensor)");
  m.def(
      "quantized_add_rms_norm(Tensor x, Tensor? residual, Tensor weight, "
      "float eps=1e-6, float weight_offset=0.0, float branch_multiplier=1.0) "
      "-> (Tensor, Tensor, Tensor)");
  // Gradients of residual (the sum's dtype), x (the dtype of grad_normed; [0] where
  // equal to the residual's) and weight. rms_norm is the case without grad_sum.
  m.def(
      "add_rms_norm_backward(Tensor grad_normed, Tensor? grad_sum, Tensor sum, "
      "Tensor weight, float eps, float weight_offset, float branch_multiplier) "
      "-> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("rms_norm", &reference_rms_norm);
  m.impl("add_rms_norm", &reference_add_rms_norm);
  m.impl("quantized_add_rms_norm", &reference_quantized);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("rms_norm", &meta_rms_norm);
  m.impl("add_rms_norm", &meta_add_rms_norm);
  m.impl("quantized_add_rms_norm", &meta_quantized);
  m.impl("add_rms_norm_backward", &meta_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("rms_norm", &autograd_rms_norm);
  m.impl("add_rms_norm", &autograd_add_rms_norm);
}

} // namespace omni::kernels
