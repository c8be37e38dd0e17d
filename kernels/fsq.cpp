// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Finite scalar quantisation, Mentzer et al. 2023 (arXiv 2309.15505, appendix A).
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <limits>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

void check_levels(at::IntArrayRef levels) {
  int64_t num_codes = 1;
  TORCH_CHECK_VALUE(
      !levels.empty(), "[fsq] expected at least one level count, got [].");
  for (const int64_t level : levels) {
    TORCH_CHECK_VALUE(
        level >= 2 && num_codes <= std::numeric_limits<int64_t>::max() / level,
        "[fsq] expected level counts >= 2 whose product fits int64, got ", levels, ".");
    num_codes *= level;
  }
}

} // namespace

void check_fsq_values(const at::Tensor& values, at::IntArrayRef levels) {
  check_levels(levels);
  check_floating(values, "fsq", "values");
  TORCH_CHECK_VALUE(
      values.dim() >= 1 && values.size(-1) == static_cast<int64_t>(levels.size()),
      "[fsq] expected values [.., ", levels.size(), "] for levels ", levels, ", got ",
      values.sizes(), ".");
}

void check_fsq_codes(const at::Tensor& codes, at::IntArrayRef levels) {
  check_levels(levels);
  TORCH_CHECK_TYPE(
      codes.scalar_type() == at::kLong, "[fsq] expected int64 codes, got ",
      codes.scalar_type(), ".");
  if (!has_values(codes)) {
    return;
  }
  const auto [least, most] = codes.aminmax();
  const int64_t num_codes = at::multiply_integers(levels);
  TORCH_CHECK_INDEX(
      least.item<int64_t>() >= 0 && most.item<int64_t>() < num_codes,
      "[fsq] expected codes in [0, ", num_codes, "), got ", least.item<int64_t>(),
      " to ", most.item<int64_t>(), ".");
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor call_encode(const at::Tensor& values, at::IntArrayRef levels) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::fsq_encode", "")
                             .typed<decltype(call_encode)>();
  return op.call(values, levels);
}

at::Tensor call_decode(const at::Tensor& codes, at::IntArrayRef levels) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::fsq_decode", "")
                             .typed<decltype(call_decode)>();
  return op.call(codes, levels);
}

at::Tensor call_quantize(const at::Tensor& values, at::IntArrayRef levels) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::fsq_quantize", "")
                             .typed<decltype(call_quantize)>();
  return op.call(values, levels);
}

at::Tensor reference_encode(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  return reference::fsq_encode(values, levels);
}

at::Tensor reference_decode(const at::Tensor& codes, at::IntArrayRef levels) {
  check_fsq_codes(codes, levels);
  return reference::fsq_decode(codes, levels);
}

at::Tensor reference_quantize(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  return reference::fsq_quantize(values, levels);
}

at::Tensor call_quantize_backward(
    const at::Tensor& grad,
    const at::Tensor& values,
    at::IntArrayRef levels) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::fsq_quantize_backward", "")
                             .typed<decltype(call_quantize_backward)>();
  return op.call(grad, values, levels);
}

struct Quantize : torch::autograd::Function<Quantize> {
  static at::Tensor
  forward(AutogradContext* context, const at::Tensor& values, at::IntArrayRef levels) {
    context->saved_data["levels"] = levels.vec();
    context->save_for_backward({values});
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_quantize(values, levels);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const std::vector<int64_t> levels = context->saved_data["levels"].toIntVector();
    return {
        call_quantize_backward(grads[0], context->get_saved_variables()[0], levels),
        {}};
  }
};

at::Tensor autograd_quantize(const at::Tensor& values, at::IntArrayRef levels) {
  if (!needs_gradient({values})) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    return call_quantize(values, levels);
  }
  return takes_fused_path("fsq_quantize", {values})
      ? Quantize::apply(values, levels)
      : reference_quantize(values, levels);
}

at::Tensor meta_encode(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  return at::empty(
      values.sizes().slice(0, values.dim() - 1), values.options().dtype(at::kLong));
}

at::Tensor meta_decode(const at::Tensor& codes, at::IntArrayRef levels) {
  check_fsq_codes(codes, levels);
  std::vector<int64_t> sizes = codes.sizes().vec();
  sizes.push_back(static_cast<int64_t>(levels.size()));
  return at::empty(sizes, codes.options().dtype(at::kFloat));
}

at::Tensor meta_quantize(const at::Tensor& values, at::IntArrayRef levels) {
  check_fsq_values(values, levels);
  return at::empty(values.sizes(), values.options());
}

at::Tensor meta_quantize_backward(
    const at::Tensor& /*grad*/,
    const at::Tensor& values,
    at::IntArrayRef /*levels*/) {
  return at::empty(values.sizes(), values.options());
}

} // namespace

at::Tensor fsq_encode(const at::Tensor& values, at::IntArrayRef levels) {
  return call_encode(values, levels);
}

at::Tensor fsq_decode(const at::Tensor& codes, at::IntArrayRef levels) {
  return call_decode(codes, levels);
}

at::Tensor fsq_quantize(const at::Tensor& values, at::IntArrayRef levels) {
  return call_quantize(values, levels);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("fsq_encode(Tensor values, int[] levels) -> Tensor");
  m.def("fsq_decode(Tensor codes, int[] levels) -> Tensor");
  m.def("fsq_quantize(Tensor values, int[] levels) -> Tensor");
  m.def("fsq_quantize_backward(Tensor grad, Tensor values, int[] levels) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("fsq_encode", &reference_encode);
  m.impl("fsq_decode", &reference_decode);
  m.impl("fsq_quantize", &reference_quantize);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("fsq_encode", &meta_encode);
  m.impl("fsq_decode", &meta_decode);
  m.impl("fsq_quantize", &meta_quantize);
  m.impl("fsq_quantize_backward", &meta_quantize_backward);
}

TORCH_LIBRARY_IMPL(omni, Autograd, m) {
  m.impl("fsq_quantize", &autograd_quantize);
}

} // namespace omni::kernels
