// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// qk_norm_rope whose keys, with the values beside them, go to rows of a cache.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/flat_arguments.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {

namespace {

// Of a cache of `num_cached` rows, one for each token.
void check_rows(const at::Tensor& rows, int64_t num_tokens, int64_t num_cached) {
  TORCH_CHECK_TYPE(
      rows.scalar_type() == at::kLong,
      "[qk_norm_rope_to_cache] expected rows int64, got ", rows.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      rows.dim() == 1 && rows.size(0) == num_tokens,
      "[qk_norm_rope_to_cache] expected rows [", num_tokens, "], got ", rows.sizes(),
      ".");
  if (has_values(rows)) {
    const at::Tensor dense = rows.contiguous();
    const int64_t* row = dense.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < num_tokens; ++i) {
      TORCH_CHECK_INDEX(
          row[i] >= 0 && row[i] < num_cached,
          "[qk_norm_rope_to_cache] expected rows in [0, ", num_cached, "), got ",
          row[i], ".");
    }
  }
}

} // namespace

void check_qk_norm_rope_to_cache(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope(q, k, tables, options);
  check_floating(v, "qk_norm_rope_to_cache", "v");
  check_floating(cache.keys, "qk_norm_rope_to_cache", "keys");
  check_floating(cache.values, "qk_norm_rope_to_cache", "values");
  const at::Tensor &keys = cache.keys, &values = cache.values;
  const bool has_axes = q.dim() == 3 && v.dim() == 3 && keys.dim() == 3 &&
      values.dim() == 3 && v.size(0) == k.size(0) && v.size(1) == k.size(1);
  const bool matches = has_axes && keys.size(0) == k.size(1) &&
      keys.size(2) == k.size(2) && values.size(0) == v.size(1) &&
      values.size(1) == keys.size(1) && values.size(2) == v.size(2);
  TORCH_CHECK_VALUE(
      matches,
      "[qk_norm_rope_to_cache] expected q [L, H, K], k [L, G, K], v [L, G, C], keys "
      "[G, S, K] and values [G, S, C], got ",
      q.sizes(), ", ", k.sizes(), ", ", v.sizes(), ", ", keys.sizes(), " and ",
      values.sizes(), ".");
  if (cache.rows.defined()) {
    check_rows(cache.rows, k.size(0), keys.size(1));
    return;
  }
  TORCH_CHECK_INDEX(
      cache.begin >= 0 && cache.begin <= keys.size(1) - k.size(0),
      "[qk_norm_rope_to_cache] expected rows inside [0, ", keys.size(1), "), got ",
      k.size(0), " from ", cache.begin, ".");
}

namespace {

at::Tensor by_reference(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope_to_cache(q, k, v, tables, cache, options);
  const NoAutocast no_autocast;
  return reference::qk_norm_rope_to_cache(q, k, v, tables, cache, options);
}

at::Tensor meta(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope_to_cache(q, k, v, tables, cache, options);
  return at::empty(q.sizes(), q.options());
}

} // namespace

at::Tensor qk_norm_rope_to_cache(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("omni::qk_norm_rope_to_cache", "")
          .typed<decltype(qk_norm_rope_to_cache_op<&by_reference>)>();
  return op.call(
      q, k, v, or_absent(tables.cos), or_absent(tables.sin), cache.keys, cache.values,
      cache.begin, options.q_weight, options.k_weight, options.eps,
      options.weight_offset, options.is_interleaved, or_absent(cache.rows));
}

TORCH_LIBRARY_FRAGMENT(omni, m) {
  m.def(
      "qk_norm_rope_to_cache(Tensor q, Tensor k, Tensor v, Tensor? cos, Tensor? sin, "
      "Tensor(a!) keys, Tensor(b!) values, int begin, Tensor? q_weight=None, "
      "Tensor? k_weight=None, float eps=1e-6, float weight_offset=0.0, "
      "bool is_interleaved=False, Tensor? rows=None) -> Tensor");
}

TORCH_LIBRARY_IMPL(omni, CompositeExplicitAutograd, m) {
  m.impl("qk_norm_rope_to_cache", &qk_norm_rope_to_cache_op<&by_reference>);
}

TORCH_LIBRARY_IMPL(omni, Meta, m) {
  m.impl("qk_norm_rope_to_cache", &qk_norm_rope_to_cache_op<&meta>);
}

} // namespace omni::kernels
