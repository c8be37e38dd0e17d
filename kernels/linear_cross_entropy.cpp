// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The loss over a vocabulary without its logits [R, V] in memory.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_linear_cross_entropy(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const std::optional<at::Tensor>& row_weights) {
  check_floating(hidden, "linear_cross_entropy", "hidden");
  check_floating(weight, "linear_cross_entropy", "weight");
  TORCH_CHECK_TYPE(
      targets.scalar_type() == at::kLong,
      "[linear_cross_entropy] expected int64 targets, got ", targets.scalar_type(),
      ".");
  TORCH_CHECK_VALUE(
      hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1) &&
          weight.size(0) >= 1 && targets.dim() == 1 &&
          targets.size(0) == hidden.size(0),
      "[linear_cross_entropy] expected hidden [R, D], weight [V, D] and targets [R], "
      "got ",
      hidden.sizes(), ", ", weight.sizes(), " and ", targets.sizes(), ".");
  if (row_weights.has_value()) {
    TORCH_CHECK_TYPE(
        row_weights->scalar_type() == at::kFloat,
        "[linear_cross_entropy] expected float32 row_weights, got ",
        row_weights->scalar_type(), ".");
    TORCH_CHECK_VALUE(
        row_weights->sizes() == targets.sizes(),
        "[linear_cross_entropy] expected row_weights ", targets.sizes(), ", got ",
        row_weights->sizes(), ".");
  }
  if (!has_values(targets)) {
    return;
  }
  const at::Tensor contiguous = targets.contiguous();
  for (int64_t i = 0; i < contiguous.size(0); ++i) {
    const int64_t target = contiguous.const_data_ptr<int64_t>()[i];
    TORCH_CHECK_INDEX(
        (target >= 0 && target < weight.size(0)) || target == kIgnoredTarget,
        "[linear_cross_entropy] expected targets in [0, ", weight.size(0), ") or ",
        kIgnoredTarget, ", got ", target, ".");
  }
}

namespace {

using OptionalTensor = std::optional<at::Tensor>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::tuple<at::Tensor, at::Tensor> call(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::linear_cross_entropy", "")
                             .typed<decltype(call)>();
  return op.call(hidden, weight, targets, row_weights, logits_multiplier, z_loss);
}

std::tuple<at::Tensor, at::Tensor> by_reference(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss) {
  check_linear_cross_entropy(hidden, weight, targets, row_weights);
  const NoAutocast no_autocast;
  auto [loss, row_losses] = reference::linear_cross_entropy(
      hidden, weight, targets, {logits_multiplier, z_loss, row_weights});
  return {loss, row_losses};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> call_with_gradients(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss,
    bool wants_hidden_grad,
    bool wants_weight_grad) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("omni::linear_cross_entropy_with_gradients", "")
          .typed<decltype(call_with_gradients)>();
  return op.call(
      hidden, weight, targets, row_weights, logits_multiplier, z_loss,
      wants_hidden_grad, wants_weight_grad);
}

struct Loss : torch::autograd::Function<Loss> {
  static variable_list forward(
      AutogradContext* context,
      const at::Tensor& hidden,
      const at::Tensor& weight,
      const at::Tensor& targets,
      const OptionalTensor& row_weights,
      double logits_multiplier,
      double z_loss) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [loss, row_losses, hidden_grad, weight_grad] = call_with_gradients(
        hidden, weight, targets, row_weights, logits_multiplier, z_loss,
        hidden.requires_grad(), weight.requires_grad());
    context->saved_data["has_hidden"] = hidden.requires_grad();
    context->saved_data["has_weight"] = weight.requires_grad();
    context->save_for_backward({hidden_grad, weight_grad});
    context->mark_non_differentiable({row_losses});
    return {loss, row_losses};
  }

  // The gradients of the sum are there already; only the factor is new.
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto scaled = [&](const char* key, const at::Tensor& gradient) {
      return context->saved_data[key].toBool()
          ? gradient * grads[0] // a zero-dimensional factor leaves the dtype
          : at::Tensor();
    };
    return {
        scaled("has_hidden", saved[0]), scaled("has_weight", saved[1]), {}, {}, {}, {}};
  }
};

std::tuple<at::Tensor, at::Tensor> by_autograd(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss) {
  if (!needs_gradient({hidden, weight})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(hidden, weight, targets, row_weights, logits_multiplier, z_loss);
  }
  if (!takes_fused_path("linear_cross_entropy", {hidden, weight})) {
    return by_reference(
        hidden, weight, targets, row_weights, logits_multiplier, z_loss);
  }
  const variable_list outputs =
      Loss::apply(hidden, weight, targets, row_weights, logits_multiplier, z_loss);
  return {outputs[0], outputs[1]};
}

std::tuple<at::Tensor, at::Tensor> meta(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double /*logits_multiplier*/,
    double /*z_loss*/) {
  check_linear_cross_entropy(hidden, weight, targets, row_weights);
  const auto options = hidden.options().dtype(
      hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  return {at::empty({}, options), at::empty({hidden.size(0)}, options)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> meta_with_gradients(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const OptionalTensor& row_weights,
    double logits_multiplier,
    double z_loss,
    bool wants_hidden_grad,
    bool wants_weight_grad) {
  auto [loss, row_losses] =
      meta(hidden, weight, targets, row_weights, logits_multiplier, z_loss);
  const auto like = [](const at::Tensor& tensor, bool is_wanted) {
    return at::empty(
        is_wanted ? tensor.sizes() : at::IntArrayRef({0}), tensor.options());
  };
  return {
      loss, row_losses, like(hidden, wants_hidden_grad),
      like(weight, wants_weight_grad)};
}

} // namespace

LinearCrossEntropy linear_cross_entropy(
    const at::Tensor& hidden,
    const at::Tensor& weight,
    const at::Tensor& targets,
    const LinearCrossEntropyOptions& options) {
  auto [loss, row_losses] = call(
      hidden, weight, targets, options.row_weights, options.logits_multiplier,
      options.z_loss);
  return {loss, row_losses};
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "linear_cross_entropy(Tensor hidden, Tensor weight, Tensor targets, "
      "Tensor? row_weights=None, float logits_multiplier=1.0, float z_loss=0.0) "
      "-> (Tensor, Tensor)");
  // Loss, row losses and the loss's gradients of hidden and weight ([0] where not
  // wanted).
  m.def(
      "linear_cross_entropy_with_gradients(Tensor hidden, Tensor weight, Tensor "
      "targets, "
      "Tensor? row_weights, float logits_multiplier, float z_loss, "
      "bool wants_hidden_grad, bool wants_weight_grad) "
      "-> (Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("linear_cross_entropy", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("linear_cross_entropy", &meta);
  m.impl("linear_cross_entropy_with_gradients", &meta_with_gradients);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("linear_cross_entropy", &by_autograd);
}

} // namespace omni::kernels
