// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Attention of one query row over the cache.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

void check_decode_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    const SeenRows& seen) {
  check_floating(q, "decode_attention", "q");
  TORCH_CHECK_TYPE(
      keys.scalar_type() == q.scalar_type() && values.scalar_type() == q.scalar_type(),
      "[decode_attention] expected q, keys and values of one dtype, got ",
      q.scalar_type(), ", ", keys.scalar_type(), " and ", values.scalar_type(), ".");
  const bool matches = q.dim() == 2 && keys.dim() == 3 && values.dim() == 3 &&
      keys.size(2) == q.size(1) && values.size(0) == keys.size(0) &&
      values.size(1) == keys.size(1) && keys.size(1) >= 1 && keys.size(0) >= 1 &&
      q.size(0) % keys.size(0) == 0;
  TORCH_CHECK_VALUE(
      matches,
      "[decode_attention] expected q [H, K], keys [G, L, K] and values [G, L, C] with "
      "G "
      "dividing H and L >= 1, got ",
      q.sizes(), ", ", keys.sizes(), " and ", values.sizes(), ".");
  TORCH_CHECK_VALUE(
      seen.window >= 0, "[decode_attention] expected window >= 0, got ", seen.window,
      ".");
  if (!seen.last.defined()) {
    return;
  }
  TORCH_CHECK_TYPE(
      seen.last.scalar_type() == at::kLong,
      "[decode_attention] expected last_row int64, got ", seen.last.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      seen.last.numel() == 1, "[decode_attention] expected last_row [1], got ",
      seen.last.sizes(), ".");
  if (has_values(seen.last)) {
    const int64_t last = *seen.last.const_data_ptr<int64_t>();
    TORCH_CHECK_INDEX(
        last >= 0 && last < keys.size(1),
        "[decode_attention] expected last_row in [0, ", keys.size(1), "), got ", last,
        ".");
  }
}

namespace {

using OptionalTensor = std::optional<at::Tensor>;

at::Tensor call(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const OptionalTensor& last_row,
    int64_t window) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("omni::decode_attention", "")
                             .typed<decltype(call)>();
  return op.call(q, keys, values, scale, last_row, window);
}

at::Tensor by_reference(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const OptionalTensor& last_row,
    int64_t window) {
  const SeenRows seen{or_undefined(last_row), window};
  check_decode_attention(q, keys, values, seen);
  const NoAutocast no_autocast;
  return reference::decode_attention(q, keys, values, scale, seen);
}

at::Tensor meta(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double /*scale*/,
    const OptionalTensor& last_row,
    int64_t window) {
  check_decode_attention(q, keys, values, {or_undefined(last_row), window});
  return at::empty({q.size(0), values.size(2)}, q.options());
}

} // namespace

at::Tensor decode_attention(
    const at::Tensor& q,
    const at::Tensor& keys,
    const at::Tensor& values,
    double scale,
    const SeenRows& seen) {
  return call(q, keys, values, scale, or_absent(seen.last), seen.window);
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "decode_attention(Tensor q, Tensor keys, Tensor values, float scale, "
      "Tensor? last_row=None, int window=0) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("decode_attention", &by_reference);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("decode_attention", &meta);
}

} // namespace omni::kernels
