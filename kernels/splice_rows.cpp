// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Media rows over their slots: out = hidden, out[indices] = rows.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_splice_rows(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  check_floating(hidden, "splice_rows", "hidden");
  check_floating(rows, "splice_rows", "rows");
  TORCH_CHECK_TYPE(
      indices.scalar_type() == at::kLong, "[splice_rows] expected int64 indices, got ",
      indices.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      hidden.dim() >= 2 && rows.dim() == 2 && rows.size(1) == hidden.size(-1) &&
          indices.dim() == 1 && indices.size(0) == rows.size(0),
      "[splice_rows] expected hidden [.., D], rows [R, D] and indices [R], got ",
      hidden.sizes(), ", ", rows.sizes(), " and ", indices.sizes(), ".");
  if (!has_values(indices)) {
    return;
  }
  const int64_t num_slots =
      at::multiply_integers(hidden.sizes().slice(0, hidden.dim() - 1));
  std::vector<bool> taken(num_slots, false);
  const at::Tensor contiguous = indices.contiguous();
  for (int64_t i = 0; i < contiguous.size(0); ++i) {
    const int64_t slot = contiguous.const_data_ptr<int64_t>()[i];
    TORCH_CHECK_INDEX(
        slot >= 0 && slot < num_slots, "[splice_rows] expected indices in [0, ",
        num_slots, "), got ", slot, ".");
    TORCH_CHECK_VALUE(
        !taken[slot], "[splice_rows] expected distinct indices, got ", slot, " twice.");
    taken[slot] = true;
  }
}

void check_splice_rows_backward(const at::Tensor& grad, const at::Tensor& indices) {
  check_gradient(grad, grad.sizes(), "splice_rows_backward");
  const auto as_meta = grad.options().device(at::kMeta);
  const int64_t width = grad.dim() > 0 ? grad.size(-1) : 0;
  check_splice_rows(grad, at::empty({indices.numel(), width}, as_meta), indices);
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor
call(const at::Tensor& hidden, const at::Tensor& rows, const at::Tensor& indices) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::splice_rows", "")
                             .typed<decltype(call)>();
  return op.call(hidden, rows, indices);
}

at::Tensor by_reference(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  check_splice_rows(hidden, rows, indices);
  const NoAutocast no_autocast;
  return reference::splice_rows(hidden, rows, indices);
}

std::tuple<at::Tensor, at::Tensor> call_backward(
    const at::Tensor& grad,
    const at::Tensor& indices) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::splice_rows_backward", "")
                             .typed<decltype(call_backward)>();
  return op.call(grad, indices);
}

struct SpliceRows : torch::autograd::Function<SpliceRows> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& hidden,
      const at::Tensor& rows,
      const at::Tensor& indices) {
    context->saved_data["rows_dtype"] = static_cast<int64_t>(rows.scalar_type());
    context->save_for_backward({indices});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(hidden, rows, indices);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto rows_dtype =
        static_cast<at::ScalarType>(context->saved_data["rows_dtype"].toInt());
    const auto [hidden, rows] =
        call_backward(grads[0], context->get_saved_variables()[0]);
    return {hidden, rows.to(rows_dtype), {}};
  }
};

at::Tensor by_autograd(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  if (!needs_gradient({hidden, rows})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(hidden, rows, indices);
  }
  if (!takes_fused_path("splice_rows", {hidden, rows, indices})) {
    return by_reference(hidden, rows, indices);
  }
  return SpliceRows::apply(hidden, rows, indices);
}

at::Tensor
meta(const at::Tensor& hidden, const at::Tensor& rows, const at::Tensor& indices) {
  check_splice_rows(hidden, rows, indices);
  return at::empty(hidden.sizes(), hidden.options());
}

std::tuple<at::Tensor, at::Tensor> meta_backward(
    const at::Tensor& grad,
    const at::Tensor& indices) {
  return {
      at::empty(grad.sizes(), grad.options()),
      at::empty({indices.size(0), grad.size(-1)}, grad.options())};
}

} // namespace

at::Tensor splice_rows(
    const at::Tensor& hidden,
    const at::Tensor& rows,
    const at::Tensor& indices) {
  return call(hidden, rows, indices);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("splice_rows(Tensor hidden, Tensor rows, Tensor indices) -> Tensor");
  // Gradients of hidden and of rows.
  m.def("splice_rows_backward(Tensor grad, Tensor indices) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("splice_rows", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("splice_rows", &meta);
  m.impl("splice_rows_backward", &meta_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("splice_rows", &by_autograd);
}

} // namespace omni::kernels
