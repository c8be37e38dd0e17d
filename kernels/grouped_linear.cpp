// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One matrix for each block of rows: the products of a mixture of experts.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_blocks(const char* op, at::IntArrayRef counts, int64_t num_rows) {
  int64_t sum = 0;
  for (const int64_t count : counts) {
    TORCH_CHECK_VALUE(
        count >= 0 && count <= num_rows, "[", op, "] expected counts in [0, ", num_rows,
        "], got ", count, ".");
    sum += count;
  }
  TORCH_CHECK_VALUE(
      sum == num_rows, "[", op, "] expected counts that add up to the ", num_rows,
      " rows of x, got ", sum, ".");
}

void check_grouped_linear(
    const at::Tensor& x,
    const at::Tensor& weight,
    at::IntArrayRef counts) {
  check_floating(x, "grouped_linear", "x");
  check_floating(weight, "grouped_linear", "weight");
  TORCH_CHECK_VALUE(
      x.dim() == 2 && weight.dim() == 3 && weight.size(0) > 0 &&
          x.size(1) == weight.size(2),
      "[grouped_linear] expected x [N, I] and weight [E, O, I] with E > 0, got ",
      x.sizes(), " and ", weight.sizes(), ".");
  TORCH_CHECK_VALUE(
      static_cast<int64_t>(counts.size()) == weight.size(0),
      "[grouped_linear] expected a count for each of ", weight.size(0),
      " matrices, got ", counts.size(), ".");
  check_blocks("grouped_linear", counts, x.size(0));
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor call(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::grouped_linear", "")
                             .typed<decltype(call)>();
  return op.call(x, weight, counts);
}

at::Tensor call_weight_backward(
    const at::Tensor& grad,
    const at::Tensor& x,
    const at::Tensor& weight,
    at::IntArrayRef counts) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("omni::grouped_linear_weight_backward", "")
          .typed<decltype(call_weight_backward)>();
  return op.call(grad, x, weight, counts);
}

at::Tensor
by_reference(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts) {
  check_grouped_linear(x, weight, counts);
  const NoAutocast no_autocast;
  return reference::grouped_linear(x, weight, counts);
}

struct GroupedLinear : torch::autograd::Function<GroupedLinear> {
  static at::Tensor forward(
      AutogradContext* context,
      const at::Tensor& x,
      const at::Tensor& weight,
      at::IntArrayRef counts) {
    context->save_for_backward({x, weight});
    context->saved_data["counts"] = counts.vec();
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(x, weight, counts);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    TORCH_CHECK_NOT_IMPLEMENTED(
        !at::GradMode::is_enabled(),
        "[grouped_linear] expected to be differentiated once, got "
        "create_graph=True.");
    const variable_list saved = context->get_saved_variables();
    const std::vector<int64_t> counts = context->saved_data["counts"].toIntVector();
    // Frozen experts need no gradient as large as themselves.
    at::Tensor x_grad, weight_grad;
    if (context->needs_input_grad(0)) {
      x_grad = call(grads[0], saved[1].transpose(1, 2), counts);
    }
    if (context->needs_input_grad(1)) {
      weight_grad = call_weight_backward(grads[0], saved[0], saved[1], counts);
    }
    return {x_grad, weight_grad, {}};
  }
};

at::Tensor
by_autograd(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts) {
  if (!needs_gradient({x, weight})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call(x, weight, counts);
  }
  if (!takes_cpu_path({x, weight})) {
    return by_reference(x, weight, counts);
  }
  return GroupedLinear::apply(x, weight, counts);
}

at::Tensor meta(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts) {
  check_grouped_linear(x, weight, counts);
  return at::empty({x.size(0), weight.size(1)}, x.options());
}

at::Tensor meta_weight_backward(
    const at::Tensor& /*grad*/,
    const at::Tensor& /*x*/,
    const at::Tensor& weight,
    at::IntArrayRef /*counts*/) {
  return at::empty(weight.sizes(), weight.options());
}

} // namespace

at::Tensor
grouped_linear(const at::Tensor& x, const at::Tensor& weight, at::IntArrayRef counts) {
  return call(x, weight, counts);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("grouped_linear(Tensor x, Tensor weight, int[] counts) -> Tensor");
  // Gradient of weight, contiguous; that of x is grouped_linear of grad and weight^T.
  m.def(
      "grouped_linear_weight_backward(Tensor grad, Tensor x, Tensor weight, int[] "
      "counts) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("grouped_linear", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("grouped_linear", &meta);
  m.impl("grouped_linear_weight_backward", &meta_weight_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("grouped_linear", &by_autograd);
}

} // namespace omni::kernels
