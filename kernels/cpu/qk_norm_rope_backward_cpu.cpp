// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The gradients of qk_norm_rope, float32 arithmetic. Bytes an entry: 3 times 4
// (float32) or 2 (bfloat16). One thread takes whole tokens. See Note [Row loops] in
// rms_norm_cpu.cpp.
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels/backward_checks.h"
#include "kernels/cpu/head_rows.h"
#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/flat_arguments.h"
#include "kernels/path.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;
using Layout = cpu::HeadLayout;
using OptionalTensor = std::optional<at::Tensor>;

// `grad` is contiguous; `in` as in forward. `buffer` holds 2 K floats.
template <typename T>
[[gnu::always_inline]] inline void backward_heads(
    const Layout& layout,
    int64_t width,
    int64_t half,
    const T* grad,
    const T* in,
    T* out,
    float* __restrict grad_weight,
    float* __restrict buffer,
    int64_t begin,
    int64_t end) {
  const float share = 1.0f / static_cast<float>(width);
  float* __restrict wide = buffer;
  float* __restrict turned = buffer + width;
  for (int64_t token = begin; token < end; ++token) {
    for (int64_t head = 0; head < layout.num_heads; ++head) {
      const int64_t row = (token * layout.num_heads + head) * width;
      const T* __restrict dy = grad + row;
      T* __restrict dx = out + row;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        wide[i] = to_float(dy[i]);
      }
      if (layout.weight == nullptr) {
        cpu::turn(layout, width, half, token, -1.0f, wide, dx);
        continue;
      }
      cpu::turn(layout, width, half, token, -1.0f, wide, turned);
      const T* __restrict x =
          in + token * layout.token_stride + head * layout.head_stride;
      const float* __restrict weight = layout.weight;
      const float inverse =
          1.0f / std::sqrt(cpu::dot(x, x, width) * share + layout.eps);
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        wide[i] = turned[i] * weight[i];
      }
      const float back = cpu::dot(wide, x, width) * share * inverse * inverse;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        const float value = to_float(x[i]);
        grad_weight[i] += turned[i] * value * inverse;
        dx[i] = from_float<T>(inverse * (wide[i] - value * back));
      }
    }
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
backward_tokens(
    const Layout& layout,
    const T* grad,
    const T* in,
    T* out,
    float* sums,
    float* buffer,
    int64_t begin,
    int64_t end) {
  if (layout.width == 64 && layout.half == 32) {
    backward_heads(layout, 64, 32, grad, in, out, sums, buffer, begin, end);
  } else if (layout.width == 128 && layout.half == 64) {
    backward_heads(layout, 128, 64, grad, in, out, sums, buffer, begin, end);
  } else {
    backward_heads(
        layout, layout.width, layout.half, grad, in, out, sums, buffer, begin, end);
  }
}

struct Gradients {
  at::Tensor heads;
  at::Tensor weight; // [0] without a norm
};

Gradients backward_one(
    const at::Tensor& grad,
    const at::Tensor& heads,
    const RotaryTables& tables,
    const OptionalTensor& weight,
    const QkNormRopeOptions& options) {
  const int64_t width = heads.size(-1);
  const at::Tensor out = cpu::empty(heads.sizes(), heads.options());
  const at::Tensor partial = at::zeros(
      {at::get_num_threads(), weight.has_value() ? width : 0},
      heads.options().dtype(at::kFloat));
  if (out.numel() > 0) {
    const at::Tensor tokens = cpu::as_tokens(heads), dy = grad.contiguous();
    const cpu::PreparedHeads p = cpu::prepare_heads(tokens, tables, weight, options);
    cpu::for_dtype(heads.scalar_type(), [&]<typename T>(T) {
      const T* grads = dy.const_data_ptr<T>();
      const T* from = tokens.const_data_ptr<T>();
      T* to = out.mutable_data_ptr<T>();
      float* sums = partial.mutable_data_ptr<float>();
      at::parallel_for(
          0, tokens.size(0), cpu::tokens_per_task(p.layout),
          [&](int64_t begin, int64_t end) {
            std::vector<float> buffer(2 * width);
            float* own = sums + at::get_thread_num() * partial.size(1);
            backward_tokens<T>(
                p.layout, grads, from, to, own, buffer.data(), begin, end);
          });
    });
  }
  const at::ScalarType dtype = weight.has_value() ? weight->scalar_type() : at::kFloat;
  return {out, partial.sum(0).to(dtype)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> qk_norm_rope_backward_cpu(
    const at::Tensor& grad_q,
    const at::Tensor& grad_k,
    const at::Tensor& q,
    const at::Tensor& k,
    const RotaryTables& tables,
    const QkNormRopeOptions& options) {
  check_qk_norm_rope(q, k, tables, options);
  check_gradient_like(grad_q, q, "qk_norm_rope_backward", "grad_q");
  check_gradient_like(grad_k, k, "qk_norm_rope_backward", "grad_k");
  const NoAutocast no_autocast;
  const Gradients of_q = backward_one(grad_q, q, tables, options.q_weight, options);
  const Gradients of_k = backward_one(grad_k, k, tables, options.k_weight, options);
  return {of_q.heads, of_k.heads, of_q.weight, of_k.weight};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl(
      "qk_norm_rope_backward", &qk_norm_rope_backward_op<&qk_norm_rope_backward_cpu>);
}

} // namespace omni::kernels
