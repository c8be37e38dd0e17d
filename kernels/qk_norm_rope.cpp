// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// RMSNorm of each head, then rotary embedding (arXiv 2104.09864) of its leading
// entries.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/flat_arguments.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

void check_tables(const at::Tensor& q, const RotaryTables& tables) {
  TORCH_CHECK_TYPE(
      tables.cos.scalar_type() == at::kFloat && tables.sin.scalar_type() == at::kFloat,
      "[qk_norm_rope] expected float32 tables, got ", tables.cos.scalar_type(), " and ",
      tables.sin.scalar_type(), ". Angles are float32 whatever the model's dtype.");
  const int64_t axes = tables.cos.dim() - 1;
  const bool same = axes >= 0 && tables.sin.sizes() == tables.cos.sizes();
  const bool narrow = same && 2 * tables.cos.size(-1) <= q.size(-1);
  const bool matches = narrow && axes <= q.dim() - 2 &&
      tables.cos.sizes().slice(0, axes) == q.sizes().slice(q.dim() - 2 - axes, axes);
  TORCH_CHECK_VALUE(
      matches,
      "[qk_norm_rope] expected tables [.., W/2] of q's tokens with W <= K, got cos ",
      tables.cos.sizes(), " and sin ", tables.sin.sizes(), " for q ", q.sizes(), ".");
}

void check_weight(
    const std::optional<at::Tensor>& weight,
    const at::Tensor& heads,
    const char* name) {
  if (weight.has_value()) {
    check_floating(*weight, "qk_norm_rope", name);
    TORCH_CHECK_VALUE(
        weight->dim() == 1 && weight->size(0) == heads.size(-1),
        "[qk_norm_rope] expected `", name, "` [", heads.size(-1), "], got ",
        weight->sizes(), ".");
  }
}

} // namespace

void check_qk_norm_rope(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  check_floating(q, "qk_norm_rope", "q");
  TORCH_CHECK_TYPE(
      q.scalar_type() == k.scalar_type(),
      "[qk_norm_rope] expected q and k of one dtype, got ", q.scalar_type(), " and ",
      k.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      q.dim() >= 2 && k.dim() == q.dim() && k.size(-1) == q.size(-1) &&
          k.sizes().slice(0, k.dim() - 2) == q.sizes().slice(0, q.dim() - 2),
      "[qk_norm_rope] expected q [.., H, K] and k [.., G, K] of the same tokens, got ",
      q.sizes(), " and ", k.sizes(), ".");
  check_weight(options.q_weight, q, "q_weight");
  check_weight(options.k_weight, k, "k_weight");
  TORCH_CHECK_VALUE(
      tables.cos.defined() == tables.sin.defined(),
      "[qk_norm_rope] expected both cos and sin or neither, got one.");
  if (tables.cos.defined()) {
    check_tables(q, tables);
  }
}

namespace {

using OptionalTensor = std::optional<at::Tensor>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

QueriesAndKeys by_reference(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope(q, k, tables, options);
  const NoAutocast no_autocast;
  return reference::qk_norm_rope(q, k, tables, options);
}

QueriesAndKeys call(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::qk_norm_rope", "")
                             .typed<decltype(qk_norm_rope_op<&by_reference>)>();
  auto [q_out, k_out] = op.call(
      q, k, or_absent(tables.cos), or_absent(tables.sin), options.q_weight,
      options.k_weight, options.eps, options.weight_offset, options.is_interleaved);
  return {q_out, k_out};
}

// Of q, k and the weights, [0] where a weight is absent.
using QkGradients = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

QkGradients meta_backward(
    const at::Tensor& /*grad_q*/,
    const at::Tensor& /*grad_k*/,
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& /*tables*/,
    const QkNormRopeOptions& options) {
  const auto like = [&](const OptionalTensor& weight) {
    return weight.has_value() ? at::empty(weight->sizes(), weight->options())
                              : at::empty({0}, q.options().dtype(at::kFloat));
  };
  return {
      at::empty(q.sizes(), q.options()), at::empty(k.sizes(), k.options()),
      like(options.q_weight), like(options.k_weight)};
}

QkGradients call_backward(
    const variable_list& grads, // of q and k
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("omni::qk_norm_rope_backward", "")
          .typed<decltype(qk_norm_rope_backward_op<&meta_backward>)>();
  return op.call(
      grads[0], grads[1], q, k, or_absent(tables.cos), or_absent(tables.sin),
      options.q_weight, options.k_weight, options.eps, options.weight_offset,
      options.is_interleaved);
}

struct QkNormRope : torch::autograd::Function<QkNormRope> {
  // The weights are those of the options: as arguments they have a gradient.
  static variable_list forward(
      AutogradContext* context,
      const at::Tensor& q,
      const at::Tensor& k,
      const OptionalTensor& q_weight,
      const OptionalTensor& k_weight,
      const RotaryTables& tables,
      const QkNormRopeOptions& options) {
    context->saved_data["eps"] = options.eps;
    context->saved_data["weight_offset"] = options.weight_offset;
    context->saved_data["is_interleaved"] = options.is_interleaved;
    context->save_for_backward(
        {q, k, tables.cos, tables.sin, or_undefined(q_weight), or_undefined(k_weight)});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [q_out, k_out] = call(q, k, tables, options);
    return {q_out, k_out};
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto [grad_q, grad_k, grad_q_weight, grad_k_weight] = call_backward(
        grads, saved[0], saved[1], {saved[2], saved[3]},
        {or_absent(saved[4]), or_absent(saved[5]),
         context->saved_data["eps"].toDouble(),
         context->saved_data["weight_offset"].toDouble(),
         context->saved_data["is_interleaved"].toBool()});
    return {
        grad_q,
        grad_k,
        saved[4].defined() ? grad_q_weight : at::Tensor(),
        saved[5].defined() ? grad_k_weight : at::Tensor(),
        {},
        {}};
  }
};

QueriesAndKeys by_autograd(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  const at::Tensor q_weight = or_undefined(options.q_weight);
  const at::Tensor k_weight = or_undefined(options.k_weight);
  if (!needs_gradient({q, k, q_weight, k_weight})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(q, k, tables, options);
  }
  if (!takes_fused_path("qk_norm_rope", {q, k, tables.cos, q_weight, k_weight})) {
    return by_reference(q, k, tables, options);
  }
  const variable_list outputs =
      QkNormRope::apply(q, k, options.q_weight, options.k_weight, tables, options);
  return {outputs[0], outputs[1]};
}

QueriesAndKeys meta(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope(q, k, tables, options);
  return {at::empty(q.sizes(), q.options()), at::empty(k.sizes(), k.options())};
}

} // namespace

QueriesAndKeys qk_norm_rope(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  return call(q, k, tables, options);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "qk_norm_rope(Tensor q, Tensor k, Tensor? cos, Tensor? sin, Tensor? "
      "q_weight=None, "
      "Tensor? k_weight=None, float eps=1e-6, float weight_offset=0.0, "
      "bool is_interleaved=False) -> (Tensor, Tensor)");
  // Gradients of q, k and the weights ([0] where a weight is absent).
  m.def(
      "qk_norm_rope_backward(Tensor grad_q, Tensor grad_k, Tensor q, Tensor k, "
      "Tensor? cos, Tensor? sin, Tensor? q_weight, Tensor? k_weight, float eps, "
      "float weight_offset, bool is_interleaved) -> (Tensor, Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("qk_norm_rope", &qk_norm_rope_op<&by_reference>);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("qk_norm_rope", &qk_norm_rope_op<&meta>);
  m.impl("qk_norm_rope_backward", &qk_norm_rope_backward_op<&meta_backward>);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("qk_norm_rope", &qk_norm_rope_op<&by_autograd>);
}

} // namespace omni::kernels
