// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/residual_vq.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

void check_codebooks(const at::Tensor& codebooks) {
  check_floating(codebooks, "residual_vq", "codebooks");
  TORCH_CHECK_VALUE(
      codebooks.dim() == 3 && codebooks.size(1) >= 1,
      "[residual_vq] expected codebooks [Q, N, C] with N >= 1, got ", codebooks.sizes(),
      ".");
}

} // namespace

void check_residual_vq_values(const at::Tensor& values, const at::Tensor& codebooks) {
  check_codebooks(codebooks);
  check_floating(values, "residual_vq", "values");
  TORCH_CHECK_VALUE(
      values.dim() >= 1 && values.size(-1) == codebooks.size(2),
      "[residual_vq] expected values [.., ", codebooks.size(2), "] for codebooks ",
      codebooks.sizes(), ", got ", values.sizes(), ".");
}

void check_residual_vq_codes(const at::Tensor& codes, const at::Tensor& codebooks) {
  check_codebooks(codebooks);
  TORCH_CHECK_TYPE(
      codes.scalar_type() == at::kLong, "[residual_vq] expected int64 codes, got ",
      codes.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      codes.dim() >= 1 && codes.size(-1) == codebooks.size(0),
      "[residual_vq] expected codes [.., ", codebooks.size(0), "] for codebooks ",
      codebooks.sizes(), ", got ", codes.sizes(), ".");
  if (!has_values(codes)) {
    return;
  }
  const auto [least, most] = codes.aminmax();
  TORCH_CHECK_INDEX(
      least.item<int64_t>() >= 0 && most.item<int64_t>() < codebooks.size(1),
      "[residual_vq] expected codes in [0, ", codebooks.size(1), "), got ",
      least.item<int64_t>(), " to ", most.item<int64_t>(), ".");
}

namespace {

at::Tensor call_encode(const at::Tensor& values, const at::Tensor& codebooks) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::residual_vq_encode", "")
                             .typed<decltype(call_encode)>();
  return op.call(values, codebooks);
}

at::Tensor call_decode(const at::Tensor& codes, const at::Tensor& codebooks) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::residual_vq_decode", "")
                             .typed<decltype(call_decode)>();
  return op.call(codes, codebooks);
}

at::Tensor reference_encode(const at::Tensor& values, const at::Tensor& codebooks) {
  check_residual_vq_values(values, codebooks);
  const NoAutocast no_autocast;
  return reference::residual_vq_encode(values, codebooks);
}

at::Tensor reference_decode(const at::Tensor& codes, const at::Tensor& codebooks) {
  check_residual_vq_codes(codes, codebooks);
  const NoAutocast no_autocast;
  return reference::residual_vq_decode(codes, codebooks);
}

std::vector<int64_t> with_last_size(const at::Tensor& tensor, int64_t size) {
  std::vector<int64_t> sizes = tensor.sizes().vec();
  sizes.back() = size;
  return sizes;
}

at::Tensor meta_encode(const at::Tensor& values, const at::Tensor& codebooks) {
  check_residual_vq_values(values, codebooks);
  return at::empty(
      with_last_size(values, codebooks.size(0)), values.options().dtype(at::kLong));
}

at::Tensor meta_decode(const at::Tensor& codes, const at::Tensor& codebooks) {
  check_residual_vq_codes(codes, codebooks);
  return at::empty(with_last_size(codes, codebooks.size(2)), codebooks.options());
}

} // namespace

at::Tensor residual_vq_encode(const at::Tensor& values, const at::Tensor& codebooks) {
  return call_encode(values, codebooks);
}

at::Tensor residual_vq_decode(const at::Tensor& codes, const at::Tensor& codebooks) {
  return call_decode(codes, codebooks);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("residual_vq_encode(Tensor values, Tensor codebooks) -> Tensor");
  m.def("residual_vq_decode(Tensor codes, Tensor codebooks) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("residual_vq_encode", &reference_encode);
  m.impl("residual_vq_decode", &reference_decode);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("residual_vq_encode", &meta_encode);
  m.impl("residual_vq_decode", &meta_decode);
}

} // namespace omni::kernels
