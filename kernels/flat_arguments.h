// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Internal: what a schema has as a list of numbers, as the options that they are. Each
// function here is an op as torch calls it, made of one that takes options, so that the
// list stands in one place for all the backends of an op.
#pragma once

#include "kernels/path.h"

namespace omni::kernels {

// run(logits, bias, options) -> ids and weights.
template <auto run>
std::tuple<at::Tensor, at::Tensor> route_experts_op(
    const at::Tensor& logits,
    const std::optional<at::Tensor>& bias,
    int64_t experts_per_row,
    bool is_softmax,
    int64_t num_groups,
    int64_t kept_groups,
    bool has_soft_groups,
    bool has_normalized_weights,
    double weight_scale) {
  const RouteOptions options{experts_per_row, is_softmax,      num_groups,
                             kept_groups,     has_soft_groups, has_normalized_weights,
                             weight_scale};
  auto [ids, weights] = run(logits, bias, options);
  return {ids, weights};
}

// run(q, k, tables, options) -> both.
template <auto run>
std::tuple<at::Tensor, at::Tensor> qk_norm_rope_op(
    const at::Tensor& q,
    const at::Tensor& k,
    const std::optional<at::Tensor>& cos,
    const std::optional<at::Tensor>& sin,
    const std::optional<at::Tensor>& q_weight,
    const std::optional<at::Tensor>& k_weight,
    double eps,
    double weight_offset,
    bool is_interleaved) {
  const RotaryTables tables{or_undefined(cos), or_undefined(sin)};
  auto [q_out, k_out] =
      run(q, k, tables, {q_weight, k_weight, eps, weight_offset, is_interleaved});
  return {q_out, k_out};
}

// run(grad_q, grad_k, q, k, tables, options) -> gradients of q, k and their weights.
template <auto run>
std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> qk_norm_rope_backward_op(
    const at::Tensor& grad_q,
    const at::Tensor& grad_k,
    const at::Tensor& q,
    const at::Tensor& k,
    const std::optional<at::Tensor>& cos,
    const std::optional<at::Tensor>& sin,
    const std::optional<at::Tensor>& q_weight,
    const std::optional<at::Tensor>& k_weight,
    double eps,
    double weight_offset,
    bool is_interleaved) {
  const RotaryTables tables{or_undefined(cos), or_undefined(sin)};
  return run(
      grad_q, grad_k, q, k, tables,
      {q_weight, k_weight, eps, weight_offset, is_interleaved});
}

// run(q, k, v, tables, cache, options) -> the queries.
template <auto run>
at::Tensor qk_norm_rope_to_cache_op(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const std::optional<at::Tensor>& cos,
    const std::optional<at::Tensor>& sin,
    const at::Tensor& keys,
    const at::Tensor& values,
    int64_t begin,
    const std::optional<at::Tensor>& q_weight,
    const std::optional<at::Tensor>& k_weight,
    double eps,
    double weight_offset,
    bool is_interleaved,
    const std::optional<at::Tensor>& rows) {
  const RotaryTables tables{or_undefined(cos), or_undefined(sin)};
  const CacheRows cache{keys, values, begin, or_undefined(rows)};
  return run(
      q, k, v, tables, cache, {q_weight, k_weight, eps, weight_offset, is_interleaved});
}

// run(logits, options, uniform) -> the id.
template <auto run>
at::Tensor sample_op(
    const at::Tensor& logits,
    double uniform,
    double temperature,
    int64_t top_k,
    double top_p,
    double min_p,
    double repetition_penalty,
    at::IntArrayRef previous,
    at::IntArrayRef allowed,
    double presence_penalty,
    double frequency_penalty,
    at::IntArrayRef prompt) {
  const SampleOptions options = to_sample_options(
      temperature, top_k, top_p, min_p, repetition_penalty, previous, allowed,
      presence_penalty, frequency_penalty, prompt);
  return run(logits, options, uniform);
}

// run(logits, rows) -> their ids.
template <auto run>
at::Tensor sample_rows_op(
    const at::Tensor& logits,
    at::IntArrayRef ranges,
    at::ArrayRef<double> uniforms,
    at::ArrayRef<double> temperatures,
    at::IntArrayRef top_ks,
    at::ArrayRef<double> top_ps,
    at::ArrayRef<double> min_ps,
    at::ArrayRef<double> repetition_penalties,
    at::IntArrayRef previous,
    at::IntArrayRef allowed,
    at::ArrayRef<double> presence_penalties,
    at::ArrayRef<double> frequency_penalties,
    at::IntArrayRef prompt) {
  const std::vector<SampleRow> rows = to_sample_rows(
      {ranges, uniforms, temperatures, top_ks, top_ps, min_ps, repetition_penalties,
       previous, allowed, presence_penalties, frequency_penalties, prompt});
  return run(logits, rows);
}

} // namespace omni::kernels
