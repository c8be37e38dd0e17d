// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Rows sorted by expert, and back.
#include "kernels/expert_rows.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <vector>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

void check_indices(
    const at::Tensor& indices,
    int64_t end,
    std::string_view op,
    std::string_view name) {
  TORCH_CHECK_TYPE(
      indices.scalar_type() == at::kLong, "[", op, "] expected int64 `", name,
      "`, got ", indices.scalar_type(), ".");
  if (!has_values(indices)) {
    return;
  }
  const auto [least, most] = indices.aminmax();
  TORCH_CHECK_INDEX(
      least.item<int64_t>() >= 0 && most.item<int64_t>() < end, "[", op, "] expected `",
      name, "` in [0, ", end, "), got ", least.item<int64_t>(), " to ",
      most.item<int64_t>(), ".");
}

} // namespace

void check_sort_pairs(const at::Tensor& ids, int64_t num_experts) {
  const at::ScalarType dtype = ids.scalar_type();
  TORCH_CHECK_TYPE(
      dtype == at::kLong || dtype == at::kInt,
      "[sort_pairs] expected int32 or int64 ids, got ", dtype, ".");
  TORCH_CHECK_VALUE(
      ids.dim() == 2 && num_experts >= 1,
      "[sort_pairs] expected ids [L, k] of 1 expert or more, got ", ids.sizes(), " of ",
      num_experts, ".");
  check_indices(ids.to(at::kLong), num_experts, "sort_pairs", "ids");
}

void check_gather_rows(const at::Tensor& x, const at::Tensor& rows) {
  check_floating(x, "gather_rows", "x");
  TORCH_CHECK_VALUE(
      x.dim() == 2 && rows.dim() == 1,
      "[gather_rows] expected x [L, D] and rows [n], got ", x.sizes(), " and ",
      rows.sizes(), ".");
  check_indices(rows, x.size(0), "gather_rows", "rows");
}

void check_combine_rows(
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  check_floating(y, "combine_rows", "y");
  check_floating(weights, "combine_rows", "weights");
  TORCH_CHECK_VALUE(
      y.dim() == 2 && places.dim() == 1 && weights.dim() == 2 &&
          places.size(0) == y.size(0) && weights.size(0) * weights.size(1) == y.size(0),
      "[combine_rows] expected y [L k, D], places [L k] and weights [L, k], got ",
      y.sizes(), ", ", places.sizes(), " and ", weights.sizes(), ".");
  check_indices(places, y.size(0), "combine_rows", "places");
  if (!has_values(places)) {
    return;
  }
  const at::Tensor dense = places.contiguous();
  const int64_t* place = dense.const_data_ptr<int64_t>();
  std::vector<bool> is_taken(static_cast<size_t>(y.size(0)));
  for (int64_t pair = 0; pair < y.size(0); ++pair) {
    TORCH_CHECK_VALUE(
        !is_taken[static_cast<size_t>(place[pair])],
        "[combine_rows] expected each place once, got ", place[pair], " twice.");
    is_taken[static_cast<size_t>(place[pair])] = true;
  }
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::tuple<at::Tensor, at::Tensor, at::Tensor> call_sort(
    const at::Tensor& ids,
    int64_t num_experts) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::sort_pairs", "")
                             .typed<decltype(call_sort)>();
  return op.call(ids, num_experts);
}

at::Tensor call_gather(const at::Tensor& x, const at::Tensor& rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::gather_rows", "")
                             .typed<decltype(call_gather)>();
  return op.call(x, rows);
}

at::Tensor call_gather_backward(
    const at::Tensor& grad,
    const at::Tensor& rows,
    c10::SymInt num_rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::gather_rows_backward", "")
                             .typed<decltype(call_gather_backward)>();
  return op.call(grad, rows, std::move(num_rows));
}

at::Tensor
call_combine(const at::Tensor& y, const at::Tensor& places, const at::Tensor& weights) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::combine_rows", "")
                             .typed<decltype(call_combine)>();
  return op.call(y, places, weights);
}

std::tuple<at::Tensor, at::Tensor> call_combine_backward(
    const at::Tensor& grad,
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::combine_rows_backward", "")
                             .typed<decltype(call_combine_backward)>();
  return op.call(grad, y, places, weights);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> reference_sort(
    const at::Tensor& ids,
    int64_t num_experts) {
  check_sort_pairs(ids, num_experts);
  auto [rows, places, counts] = reference::sort_pairs(ids, num_experts);
  return {rows, places, counts};
}

at::Tensor reference_gather(const at::Tensor& x, const at::Tensor& rows) {
  check_gather_rows(x, rows);
  return reference::gather_rows(x, rows);
}

at::Tensor reference_combine(
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  check_combine_rows(y, places, weights);
  const NoAutocast no_autocast;
  return reference::combine_rows(y, places, weights);
}

struct GatherRows : torch::autograd::Function<GatherRows> {
  static at::Tensor
  forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& rows) {
    context->save_for_backward({rows});
    context->saved_data["num_rows"] = x.sym_size(0);
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_gather(x, rows);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    return {
        call_gather_backward(
            grads[0], context->get_saved_variables()[0],
            context->saved_data["num_rows"].toSymInt()),
        {}};
  }
};

struct CombineRows : torch::autograd::Function<CombineRows> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& y,
      const at::Tensor& places,
      const at::Tensor& weights) {
    context->save_for_backward({y, places, weights});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_combine(y, places, weights);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list saved = context->get_saved_variables();
    const auto [grad_y, grad_weights] =
        call_combine_backward(grads[0], saved[0], saved[1], saved[2]);
    return {grad_y, {}, grad_weights};
  }
};

at::Tensor autograd_gather(const at::Tensor& x, const at::Tensor& rows) {
  if (!needs_gradient({x})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_gather(x, rows);
  }
  return takes_cpu_path({x}) ? GatherRows::apply(x, rows) : reference_gather(x, rows);
}

at::Tensor autograd_combine(
    const at::Tensor& y,
    const at::Tensor& places,
    const at::Tensor& weights) {
  if (!needs_gradient({y, weights})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_combine(y, places, weights);
  }
  return takes_cpu_path({y, weights}) ? CombineRows::apply(y, places, weights)
                                      : reference_combine(y, places, weights);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> meta_sort(
    const at::Tensor& ids,
    int64_t num_experts) {
  check_sort_pairs(ids, num_experts);
  const auto options = ids.options().dtype(at::kLong);
  const int64_t num_pairs = ids.size(0) * ids.size(1);
  return {
      at::empty({num_pairs}, options), at::empty({num_pairs}, options),
      at::empty({num_experts}, options)};
}

at::Tensor meta_gather(const at::Tensor& x, const at::Tensor& rows) {
  check_gather_rows(x, rows);
  return at::empty({rows.size(0), x.size(1)}, x.options());
}

at::Tensor meta_gather_backward(
    const at::Tensor& grad,
    const at::Tensor& /*rows*/,
    c10::SymInt num_rows) {
  return at::empty_symint({std::move(num_rows), grad.sym_size(1)}, grad.options());
}

at::Tensor
meta_combine(const at::Tensor& y, const at::Tensor& places, const at::Tensor& weights) {
  check_combine_rows(y, places, weights);
  return at::empty({weights.size(0), y.size(1)}, y.options());
}

std::tuple<at::Tensor, at::Tensor> meta_combine_backward(
    const at::Tensor& /*grad*/,
    const at::Tensor& y,
    const at::Tensor& /*places*/,
    const at::Tensor& weights) {
  return {
      at::empty(y.sizes(), y.options()), at::empty(weights.sizes(), weights.options())};
}

} // namespace

SortedPairs sort_pairs(const at::Tensor& ids, int64_t num_experts) {
  auto [rows, places, counts] = call_sort(ids, num_experts);
  return {rows, places, counts};
}

at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& rows) {
  return call_gather(x, rows);
}

at::Tensor
combine_rows(const at::Tensor& y, const at::Tensor& places, const at::Tensor& weights) {
  return call_combine(y, places, weights);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("sort_pairs(Tensor ids, int num_experts) -> (Tensor, Tensor, Tensor)");
  m.def("gather_rows(Tensor x, Tensor rows) -> Tensor");
  m.def("gather_rows_backward(Tensor grad, Tensor rows, SymInt num_rows) -> Tensor");
  m.def("combine_rows(Tensor y, Tensor places, Tensor weights) -> Tensor");
  m.def(
      "combine_rows_backward(Tensor grad, Tensor y, Tensor places, Tensor weights) -> "
      "(Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("sort_pairs", &reference_sort);
  m.impl("gather_rows", &reference_gather);
  m.impl("combine_rows", &reference_combine);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("sort_pairs", &meta_sort);
  m.impl("gather_rows", &meta_gather);
  m.impl("gather_rows_backward", &meta_gather_backward);
  m.impl("combine_rows", &meta_combine);
  m.impl("combine_rows_backward", &meta_combine_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("gather_rows", &autograd_gather);
  m.impl("combine_rows", &autograd_combine);
}

} // namespace omni::kernels
