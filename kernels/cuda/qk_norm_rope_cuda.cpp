// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/qk_norm_rope_cuda.h"

#include <torch/library.h>

#include "kernels/backward_checks.h"
#include "kernels/cuda/column_sums_cuda.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/tensors.h"
#include "kernels/flat_arguments.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels::cuda {
namespace {

// [.., H, K] as [N, H, K] with entries side by side, a view where strides allow.
at::Tensor as_tokens(const at::Tensor& heads) {
  const at::Tensor dense = heads.stride(-1) == 1 ? heads : heads.contiguous();
  const int64_t tokens = at::multiply_integers(heads.sizes().slice(0, heads.dim() - 2));
  return dense.reshape({tokens, heads.size(-2), heads.size(-1)});
}

template <typename T>
Heads<const T> heads_of(const at::Tensor& tokens) {
  return {entries<T>(tokens), tokens.stride(0), tokens.stride(1)};
}
template <typename T>
Heads<T> mutable_heads_of(const at::Tensor& tokens) {
  if (!tokens.defined()) {
    return {};
  }
  return {mutable_entries<T>(tokens), tokens.stride(0), tokens.stride(1)};
}

// Contiguous; undefined where nothing turns.
RotaryTables used_tables(const RotaryTables& tables) {
  if (!tables.cos.defined() || tables.cos.numel() == 0) {
    return {};
  }
  return {tables.cos.contiguous(), tables.sin.contiguous()};
}

// What the arguments of both passes have alike.
template <typename Args>
void set_sizes(
    Args& args,
    const at::Tensor& q_tokens,
    const at::Tensor& k_tokens,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  args.cos = entries<float>(tables.cos);
  args.sin = entries<float>(tables.sin);
  args.table_rows = tables.cos.defined() ? num_rows(tables.cos) : 0;
  args.rotary_width =
      tables.cos.defined() ? static_cast<int>(2 * tables.cos.size(-1)) : 0;
  args.num_tokens = q_tokens.size(0);
  args.num_heads = static_cast<int>(q_tokens.size(1));
  args.num_groups = static_cast<int>(k_tokens.size(1));
  args.key_width = static_cast<int>(q_tokens.size(2));
  args.eps = static_cast<float>(options.eps);
  args.weight_offset = static_cast<float>(options.weight_offset);
}

// What one launch reads and writes; undefined: not wanted.
struct HeadTensors {
  at::Tensor q = {}, k = {}, v = {}; // [N, H, K], [N, G, K], [N, G, C]
  at::Tensor q_out = {}, k_out = {};
  at::Tensor keys = {}, values = {}; // rows of a cache, [N, G, K] and [N, G, C]
  at::Tensor rows = {}; // int64 [N], contiguous; undefined: row n for token n
};

template <typename T, typename W>
void heads_forward(
    const HeadTensors& heads,
    const RotaryTables& tables,
    const QkNormRopeOptions& options, // weights in W, contiguous
    Stream stream) {
  QkNormRope<T, W> args;
  set_sizes(args, heads.q, heads.k, tables, options);
  args.q = heads_of<T>(heads.q);
  args.k = heads_of<T>(heads.k);
  args.q_out = mutable_heads_of<T>(heads.q_out);
  args.k_out = mutable_heads_of<T>(heads.k_out);
  if (heads.v.defined()) {
    args.v = heads_of<T>(heads.v);
    args.key_cache = mutable_heads_of<T>(heads.keys);
    args.value_cache = mutable_heads_of<T>(heads.values);
    args.value_width = static_cast<int>(heads.v.size(2));
    args.cache_rows = entries<int64_t>(heads.rows);
  }
  args.q_weight = entries<W>(or_undefined(options.q_weight));
  args.k_weight = entries<W>(or_undefined(options.k_weight));
  launch_qk_norm_rope(options.is_interleaved, args, stream);
}

// With both weights in one dtype that holds them.
void heads_forward(
    const HeadTensors& heads,
    const RotaryTables& tables,
    QkNormRopeOptions options,
    Stream stream) {
  const at::Tensor of_q = or_undefined(options.q_weight);
  const at::Tensor of_k = or_undefined(options.k_weight);
  const auto is_narrow = [](const at::Tensor& weight) {
    return !weight.defined() || weight.scalar_type() == at::kBFloat16;
  };
  for_dtype(heads.q.scalar_type(), [&]<typename T>(Type<T>) {
    if constexpr (std::is_same_v<T, Bf16>) {
      if (is_narrow(of_q) && is_narrow(of_k)) {
        options.q_weight = or_absent(of_q.defined() ? of_q.contiguous() : of_q);
        options.k_weight = or_absent(of_k.defined() ? of_k.contiguous() : of_k);
        heads_forward<T, Bf16>(heads, tables, options, stream);
        return;
      }
    }
    options.q_weight = or_absent(in_float32(of_q));
    options.k_weight = or_absent(in_float32(of_k));
    heads_forward<T, float>(heads, tables, options, stream);
  });
}

QueriesAndKeys qk_norm_rope_cuda(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  const at::Tensor of_q = or_undefined(options.q_weight);
  const at::Tensor of_k = or_undefined(options.k_weight);
  check_qk_norm_rope(q, k, tables, options);
  const NoAutocast no_autocast;
  const OnDevice device("qk_norm_rope", {q, k, tables.cos, tables.sin, of_q, of_k});
  if (!has_fused_dtypes({q, k, of_q, of_k})) {
    return reference::qk_norm_rope(q, k, tables, options);
  }
  const at::Tensor q_out = at::empty(q.sizes(), q.options());
  const at::Tensor k_out = at::empty(k.sizes(), k.options());
  heads_forward(
      {.q = as_tokens(q),
       .k = as_tokens(k),
       .q_out = as_tokens(q_out),
       .k_out = as_tokens(k_out)},
      used_tables(tables), options, device.stream());
  return {q_out, k_out};
}

at::Tensor qk_norm_rope_to_cache_cuda(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  const at::Tensor &keys = cache.keys, &values = cache.values;
  const at::Tensor of_q = or_undefined(options.q_weight);
  const at::Tensor of_k = or_undefined(options.k_weight);
  check_qk_norm_rope_to_cache(q, k, v, tables, cache, options);
  const NoAutocast no_autocast;
  const at::NoGradGuard no_grad;
  const OnDevice device(
      "qk_norm_rope_to_cache",
      {q, k, v, tables.cos, tables.sin, keys, values, of_q, of_k, cache.rows});
  if (!has_fused_dtypes({q, k, v, of_q, of_k})) {
    return reference::qk_norm_rope_to_cache(q, k, v, tables, cache, options);
  }
  const auto rows_of = [&](const at::Tensor& all) {
    return (cache.rows.defined() ? all : all.narrow(1, cache.begin, k.size(0)))
        .transpose(0, 1);
  };
  const at::Tensor q_out = at::empty(q.sizes(), q.options());
  HeadTensors heads{.q = as_tokens(q), .k = as_tokens(k), .q_out = q_out};
  const auto is_taken = [&](const at::Tensor& tensor) {
    return tensor.scalar_type() == q.scalar_type() && tensor.stride(2) == 1;
  };
  const bool is_direct = is_taken(keys) && is_taken(values) && is_taken(as_tokens(v));
  if (is_direct) {
    heads.v = as_tokens(v);
    heads.keys = rows_of(keys);
    heads.values = rows_of(values);
    heads.rows = cache.rows.defined() ? cache.rows.contiguous() : cache.rows;
  } else {
    heads.k_out = at::empty(k.sizes(), k.options());
  }
  heads_forward(heads, used_tables(tables), options, device.stream());
  if (!is_direct) {
    const auto write = [&](at::Tensor to, const at::Tensor& from) {
      if (cache.rows.defined()) {
        to.index_copy_(0, cache.rows, from.to(to.scalar_type()));
      } else {
        to.copy_(from);
      }
    };
    write(rows_of(keys), heads.k_out);
    write(rows_of(values), v);
  }
  return q_out;
}

// Of the q half (0) or the k half (1) of the sums; [0] without a weight.
at::Tensor heads_weight_gradient(
    const at::Tensor& sums, // [parts, 2, K]
    int64_t half,
    const at::Tensor& weight,
    Stream stream) {
  if (!weight.defined()) {
    return at::empty({0}, sums.options());
  }
  const at::Tensor gradient = at::empty(weight.sizes(), weight.options());
  for_dtype(weight.scalar_type(), [&]<typename W>(Type<W>) {
    launch_column_sums<W>(
        {entries<float>(sums) + half * sums.size(2), mutable_entries<W>(gradient),
         sums.size(0), 2 * sums.size(2), sums.size(2)},
        stream);
  });
  return gradient;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> qk_norm_rope_backward_cuda(
    const at::Tensor& grad_q,
    const at::Tensor& grad_k,
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& given_tables,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope(q, k, given_tables, options);
  check_gradient_like(grad_q, q, "qk_norm_rope_backward", "grad_q");
  check_gradient_like(grad_k, k, "qk_norm_rope_backward", "grad_k");
  const NoAutocast no_autocast;
  const at::Tensor of_q = or_undefined(options.q_weight);
  const at::Tensor of_k = or_undefined(options.k_weight);
  const RotaryTables tables = used_tables(given_tables);
  const OnDevice device(
      "qk_norm_rope_backward",
      {q, k, grad_q, grad_k, tables.cos, tables.sin, of_q, of_k});
  const at::Tensor q_tokens = as_tokens(q), k_tokens = as_tokens(k);
  const at::Tensor q_grads = as_tokens(grad_q), k_grads = as_tokens(grad_k);
  const at::Tensor q_out = at::empty(q.sizes(), q.options());
  const at::Tensor k_out = at::empty(k.sizes(), k.options());
  const at::Tensor q_used = in_float32(of_q), k_used = in_float32(of_k);
  const bool has_norm = of_q.defined() || of_k.defined();
  const int64_t heads = q_tokens.size(0) * (q_tokens.size(1) + k_tokens.size(1));
  const at::Tensor sums = at::empty(
      {has_norm ? qk_backward_parts(heads) : 0, 2, q.size(-1)},
      q.options().dtype(at::kFloat));
  for_dtype(q.scalar_type(), [&]<typename T>(Type<T>) {
    QkNormRopeBackward<T> args;
    set_sizes(args, q_tokens, k_tokens, tables, options);
    args.q_grad = heads_of<T>(q_grads);
    args.k_grad = heads_of<T>(k_grads);
    args.q = heads_of<T>(q_tokens);
    args.k = heads_of<T>(k_tokens);
    args.q_out = mutable_heads_of<T>(as_tokens(q_out));
    args.k_out = mutable_heads_of<T>(as_tokens(k_out));
    args.q_weight = entries<float>(q_used);
    args.k_weight = entries<float>(k_used);
    args.weight_sums = has_norm ? mutable_entries<float>(sums) : nullptr;
    launch_qk_norm_rope_backward(options.is_interleaved, args, device.stream());
  });
  return {
      q_out, k_out, heads_weight_gradient(sums, 0, of_q, device.stream()),
      heads_weight_gradient(sums, 1, of_k, device.stream())};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CUDA, m) {
  m.impl("qk_norm_rope", &qk_norm_rope_op<&qk_norm_rope_cuda>);
  m.impl(
      "qk_norm_rope_to_cache", &qk_norm_rope_to_cache_op<&qk_norm_rope_to_cache_cuda>);
  m.impl(
      "qk_norm_rope_backward", &qk_norm_rope_backward_op<&qk_norm_rope_backward_cuda>);
}

} // namespace omni::kernels::cuda
