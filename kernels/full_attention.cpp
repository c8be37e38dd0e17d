// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Attention of every row over all keys of its item. On a CUDA device the reference is
// what is wanted: one scaled_dot_product_attention.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_full_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v) {
  check_floating(q, "full_attention", "q");
  TORCH_CHECK_TYPE(
      k.scalar_type() == q.scalar_type() && v.scalar_type() == q.scalar_type(),
      "[full_attention] expected q, k and v of one dtype, got ", q.scalar_type(), ", ",
      k.scalar_type(), " and ", v.scalar_type(), ".");
  const bool matches = q.dim() == 4 && k.dim() == 4 && v.dim() == 4 &&
      k.size(0) == q.size(0) && k.size(3) == q.size(3) && v.size(0) == k.size(0) &&
      v.size(1) == k.size(1) && v.size(2) == k.size(2) && k.size(1) >= 1 &&
      k.size(2) >= 1 && q.size(2) % k.size(2) == 0;
  TORCH_CHECK_VALUE(
      matches,
      "[full_attention] expected q [B, L, H, K], k [B, S, G, K] and v [B, S, G, C] "
      "with G dividing H and S >= 1, got ",
      q.sizes(), ", ", k.sizes(), " and ", v.sizes(), ".");
}

namespace {

at::Tensor
call_full(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::full_attention", "")
                             .typed<decltype(call_full)>();
  return op.call(q, k, v, scale);
}

at::Tensor full_by_reference(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale) {
  check_full_attention(q, k, v);
  const NoAutocast no_autocast;
  return reference::full_attention(q, k, v, scale);
}

at::Tensor meta_full(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double /*scale*/) {
  check_full_attention(q, k, v);
  return at::empty({q.size(0), q.size(1), q.size(2), v.size(3)}, q.options());
}

} // namespace

at::Tensor full_attention(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    double scale) {
  return call_full(q, k, v, scale);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def("full_attention(Tensor q, Tensor k, Tensor v, float scale=1.0) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("full_attention", &full_by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("full_attention", &meta_full);
}

} // namespace omni::kernels
