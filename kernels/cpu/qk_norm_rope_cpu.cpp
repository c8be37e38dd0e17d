// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// For each head of K entries: n = x / sqrt(mean(x^2) + eps) * w (or x), then the pairs
// of the first W entries turn by the token's angles; float32 arithmetic. Bytes an
// entry, forward: 2 times 4 (float32) or 2 (bfloat16), tables shared by all heads of a
// token. Keys may go to rows of a cache. One thread takes whole tokens. See Note [Row
// loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels/cpu/head_rows.h"
#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/flat_arguments.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::to_float;
using Layout = cpu::HeadLayout;
using OptionalTensor = std::optional<at::Tensor>;

template <typename T>
struct Target {
  T* heads;
  int64_t token_stride; // in entries
  int64_t head_stride;
};

// width and half once more as arguments: constants where a caller knows them, which
// saves the short loops their tails. `buffer` holds K floats.
template <typename T>
[[gnu::always_inline]] inline void forward_heads(
    const Layout& layout,
    int64_t width,
    int64_t half,
    const T* in,
    const Target<T>& out,
    float* __restrict buffer,
    int64_t begin,
    int64_t end) {
  for (int64_t token = begin; token < end; ++token) {
    for (int64_t head = 0; head < layout.num_heads; ++head) {
      const T* __restrict x =
          in + token * layout.token_stride + head * layout.head_stride;
      T* __restrict y = out.heads + token * out.token_stride + head * out.head_stride;
      if (layout.weight != nullptr) {
        const float* __restrict weight = layout.weight;
        const float squares = cpu::dot(x, x, width);
        const float inverse =
            1.0f / std::sqrt(squares / static_cast<float>(width) + layout.eps);
#pragma omp simd
        for (int64_t i = 0; i < width; ++i) {
          buffer[i] = to_float(x[i]) * inverse * weight[i];
        }
      } else {
#pragma omp simd
        for (int64_t i = 0; i < width; ++i) {
          buffer[i] = to_float(x[i]);
        }
      }
      cpu::turn(layout, width, half, token, 1.0f, buffer, y);
    }
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
forward_tokens(
    const Layout& layout,
    const T* in,
    const Target<T>& out,
    float* buffer,
    int64_t begin,
    int64_t end) {
  if (layout.width == 64 && layout.half == 32) {
    forward_heads(layout, 64, 32, in, out, buffer, begin, end);
  } else if (layout.width == 128 && layout.half == 64) {
    forward_heads(layout, 128, 64, in, out, buffer, begin, end);
  } else {
    forward_heads(layout, layout.width, layout.half, in, out, buffer, begin, end);
  }
}

// to [tokens, H, K], entries of a head side by side, of heads' dtype.
void write_heads(
    const at::Tensor& heads,
    const RotaryTables& tables,
    const OptionalTensor& weight,
    const QkNormRopeOptions& options,
    const at::Tensor& to) {
  if (heads.numel() == 0) {
    return;
  }
  const at::Tensor tokens = cpu::as_tokens(heads);
  const cpu::PreparedHeads p = cpu::prepare_heads(tokens, tables, weight, options);
  cpu::for_dtype(heads.scalar_type(), [&]<typename T>(T) {
    const T* from = tokens.const_data_ptr<T>();
    const Target<T> target{to.mutable_data_ptr<T>(), to.stride(0), to.stride(1)};
    at::parallel_for(
        0, tokens.size(0), cpu::tokens_per_task(p.layout),
        [&](int64_t begin, int64_t end) {
          std::vector<float> buffer(p.layout.width);
          forward_tokens<T>(p.layout, from, target, buffer.data(), begin, end);
        });
  });
}

at::Tensor forward_one(
    const at::Tensor& heads,
    const RotaryTables& tables,
    const OptionalTensor& weight,
    const QkNormRopeOptions& options) {
  const at::Tensor out = cpu::empty(heads.sizes(), heads.options());
  write_heads(heads, tables, weight, options, cpu::as_tokens(out));
  return out;
}

QueriesAndKeys qk_norm_rope_cpu(
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope(q, k, tables, options);
  const NoAutocast no_autocast;
  if (!takes_cpu_path(
          {q, k, tables.cos, or_undefined(options.q_weight),
           or_undefined(options.k_weight)})) {
    return reference::qk_norm_rope(q, k, tables, options);
  }
  return {
      forward_one(q, tables, options.q_weight, options),
      forward_one(k, tables, options.k_weight, options)};
}

at::Tensor qk_norm_rope_to_cache_cpu(
    const at::Tensor& q,
    const at::Tensor& k,
    const at::Tensor& v,
    const RotaryTables& tables,
    const CacheRows& cache,
    const QkNormRopeOptions& options) {
  const at::Tensor &keys = cache.keys, &values = cache.values;
  const OptionalTensor &q_weight = options.q_weight, &k_weight = options.k_weight;
  check_qk_norm_rope_to_cache(q, k, v, tables, cache, options);
  const NoAutocast no_autocast;
  const at::NoGradGuard no_grad;
  if (!takes_cpu_path(
          {q, k, v, tables.cos, or_undefined(q_weight), or_undefined(k_weight), keys,
           values, cache.rows})) {
    return reference::qk_norm_rope_to_cache(q, k, v, tables, cache, options);
  }
  if (cache.rows.defined()) {
    const auto write = [&](at::Tensor to, const at::Tensor& heads) {
      to.index_copy_(1, cache.rows, heads.transpose(0, 1).to(to.scalar_type()));
    };
    write(keys, forward_one(k, tables, k_weight, options));
    write(values, v);
    return forward_one(q, tables, q_weight, options);
  }
  const at::Tensor key_rows_LGK =
      keys.narrow(1, cache.begin, k.size(0)).transpose(0, 1);
  if (keys.scalar_type() == k.scalar_type() && keys.stride(2) == 1) {
    write_heads(k, tables, k_weight, options, key_rows_LGK);
  } else {
    key_rows_LGK.copy_(forward_one(k, tables, k_weight, options));
  }
  values.narrow(1, cache.begin, v.size(0)).copy_(v.transpose(0, 1));
  return forward_one(q, tables, q_weight, options);
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl(
      "qk_norm_rope_to_cache", &qk_norm_rope_to_cache_op<&qk_norm_rope_to_cache_cpu>);
  m.impl("qk_norm_rope", &qk_norm_rope_op<&qk_norm_rope_cpu>);
}

} // namespace omni::kernels
