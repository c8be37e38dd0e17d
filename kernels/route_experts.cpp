// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The experts of each row and their weights.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/flat_arguments.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_route_experts(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options) {
  check_floating(logits, "route_experts", "logits");
  TORCH_CHECK_VALUE(
      logits.dim() == 2 && logits.size(1) >= 1,
      "[route_experts] expected logits [L, E] with E >= 1, got ", logits.sizes(), ".");
  const int64_t num_experts = logits.size(1);
  if (bias.has_value()) {
    check_floating(*bias, "route_experts", "bias");
    TORCH_CHECK_VALUE(
        bias->dim() == 1 && bias->size(0) == num_experts,
        "[route_experts] expected bias [", num_experts, "], got ", bias->sizes(), ".");
  }
  TORCH_CHECK_VALUE(
      options.num_groups >= 1 && num_experts % options.num_groups == 0,
      "[route_experts] expected groups that divide ", num_experts, " experts, got ",
      options.num_groups, ".");
  TORCH_CHECK_VALUE(
      options.kept_groups >= 1 && options.kept_groups <= options.num_groups,
      "[route_experts] expected to keep 1 to ", options.num_groups, " groups, got ",
      options.kept_groups, ".");
  const int64_t most = options.has_soft_groups
      ? num_experts
      : num_experts / options.num_groups * options.kept_groups;
  TORCH_CHECK_VALUE(
      options.experts_per_row >= 1 && options.experts_per_row <= most,
      "[route_experts] expected 1 to ", most, " experts a row, got ",
      options.experts_per_row, ".");
}

namespace {

using OptionalTensor = std::optional<at::Tensor>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

ExpertRoutes by_reference(
    const at::Tensor& logits,
    const OptionalTensor& bias,
    const RouteOptions& options) {
  check_route_experts(logits, bias, options);
  const NoAutocast no_autocast;
  return reference::route_experts(logits, bias, options);
}

ExpertRoutes call(
    const at::Tensor& logits,
    const OptionalTensor& bias,
    const RouteOptions& options) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::route_experts", "")
                             .typed<decltype(route_experts_op<&by_reference>)>();
  auto [ids, weights] = op.call(
      logits, bias, options.experts_per_row, options.is_softmax, options.num_groups,
      options.kept_groups, options.has_soft_groups, options.has_normalized_weights,
      options.weight_scale);
  return {ids, weights};
}

at::Tensor call_backward(
    const at::Tensor& grad,
    const at::Tensor& logits,
    const at::Tensor& ids,
    bool is_softmax,
    bool has_normalized_weights,
    double weight_scale) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::route_experts_backward", "")
                             .typed<decltype(call_backward)>();
  return op.call(grad, logits, ids, is_softmax, has_normalized_weights, weight_scale);
}

struct RouteExperts : torch::autograd::Function<RouteExperts> {
  static variable_list forward(
      AutogradContext* context,
      const at::Tensor& logits,
      const OptionalTensor& bias,
      const RouteOptions& options) {
    context->saved_data["is_softmax"] = options.is_softmax;
    context->saved_data["has_normalized_weights"] = options.has_normalized_weights;
    context->saved_data["weight_scale"] = options.weight_scale;
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [ids, weights] = call(logits, bias, options);
    context->save_for_backward({logits, ids});
    context->mark_non_differentiable({ids});
    return {ids, weights};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor logits = call_backward(
        grads[1], saved[0], saved[1], context->saved_data["is_softmax"].toBool(),
        context->saved_data["has_normalized_weights"].toBool(),
        context->saved_data["weight_scale"].toDouble());
    return {logits, {}, {}};
  }
};

ExpertRoutes by_autograd(
    const at::Tensor& logits,
    const OptionalTensor& bias,
    const RouteOptions& options) {
  if (!needs_gradient({logits})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(logits, bias, options);
  }
  if (!takes_cpu_path({logits, or_undefined(bias)})) {
    return by_reference(logits, bias, options);
  }
  const variable_list outputs = RouteExperts::apply(logits, bias, options);
  return {outputs[0], outputs[1]};
}

ExpertRoutes meta(
    const at::Tensor& logits,
    const OptionalTensor& bias,
    const RouteOptions& options) {
  check_route_experts(logits, bias, options);
  const std::array<int64_t, 2> sizes = {logits.size(0), options.experts_per_row};
  const auto dtype = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return {
      at::empty(sizes, logits.options().dtype(at::kLong)),
      at::empty(sizes, logits.options().dtype(dtype))};
}

at::Tensor meta_backward(
    const at::Tensor& /*grad*/,
    const at::Tensor& logits,
    const at::Tensor& /*ids*/,
    bool /*is_softmax*/,
    bool /*has_normalized_weights*/,
    double /*weight_scale*/) {
  return at::empty(logits.sizes(), logits.options());
}

} // namespace

ExpertRoutes route_experts(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    const RouteOptions& options) {
  return call(logits, bias, options);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "route_experts(Tensor logits, Tensor? bias, int experts_per_row, "
      "bool is_softmax=True, int num_groups=1, int kept_groups=1, "
      "bool has_soft_groups=False, bool has_normalized_weights=False, "
      "float weight_scale=1.0) -> (Tensor, Tensor)");
  m.def(
      "route_experts_backward(Tensor grad, Tensor logits, Tensor ids, bool is_softmax, "
      "bool has_normalized_weights, float weight_scale) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("route_experts", &route_experts_op<&by_reference>);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("route_experts", &route_experts_op<&meta>);
  m.impl("route_experts_backward", &meta_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("route_experts", &route_experts_op<&by_autograd>);
}

} // namespace omni::kernels
