// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// For each head of K entries: n = x / sqrt(mean(x^2) + eps) * w (or x), then the pairs
// of the first W entries turn by the token's angles; float32 arithmetic. Bytes an
// entry, forward: 2 times 4 (float32) or 2 (bfloat16), tables shared by all heads of a
// token. One thread takes whole tokens. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;
using OptionalTensor = std::optional<at::Tensor>;

struct Layout {
  int64_t num_heads;
  int64_t width; // K
  int64_t half; // W / 2
  int64_t token_stride; // of the input, in entries
  int64_t head_stride;
  int64_t num_table_rows; // token t turns by row t % num_table_rows
  bool is_interleaved;
  float eps;
  const float* cos; // [num_table_rows, half]
  const float* sin;
  const float* weight; // [K], offset added, or null
};

// (a, b) -> (a c - b s, b c + a s) on the pairs of n[0, 2 half); `sign` -1 turns back.
template <typename T>
[[gnu::always_inline]] inline void turn(
    const Layout& layout,
    int64_t width,
    int64_t half,
    int64_t token,
    float sign,
    const float* __restrict n,
    T* __restrict out) {
  if (half > 0) {
    const int64_t table_row = (token % layout.num_table_rows) * half;
    const float* __restrict cos = layout.cos + table_row;
    const float* __restrict sin = layout.sin + table_row;
    if (layout.is_interleaved) {
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float a = n[2 * i], b = n[2 * i + 1], s = sign * sin[i];
        out[2 * i] = from_float<T>(a * cos[i] - b * s);
        out[2 * i + 1] = from_float<T>(b * cos[i] + a * s);
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float a = n[i], b = n[i + half], s = sign * sin[i];
        out[i] = from_float<T>(a * cos[i] - b * s);
        out[i + half] = from_float<T>(b * cos[i] + a * s);
      }
    }
  }
#pragma omp simd
  for (int64_t i = 2 * half; i < width; ++i) {
    out[i] = from_float<T>(n[i]);
  }
}

// width and half once more as arguments: constants where a caller knows them, which
// saves the short loops their tails. `buffer` holds K floats.
template <typename T>
[[gnu::always_inline]] inline void forward_heads(
    const Layout& layout,
    int64_t width,
    int64_t half,
    const T* in,
    T* out,
    float* __restrict buffer,
    int64_t begin,
    int64_t end) {
  for (int64_t token = begin; token < end; ++token) {
    for (int64_t head = 0; head < layout.num_heads; ++head) {
      const T* __restrict x =
          in + token * layout.token_stride + head * layout.head_stride;
      T* __restrict y = out + (token * layout.num_heads + head) * width;
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
      turn(layout, width, half, token, 1.0f, buffer, y);
    }
  }
}

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
forward_tokens(
    const Layout& layout,
    const T* in,
    T* out,
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
        turn(layout, width, half, token, -1.0f, wide, dx);
        continue;
      }
      turn(layout, width, half, token, -1.0f, wide, turned);
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

// [.., H, K] as [tokens, H, K] with a dense last axis; a view where strides allow.
at::Tensor as_tokens(const at::Tensor& heads) {
  int64_t tokens = 1;
  for (int64_t axis = 0; axis < heads.dim() - 2; ++axis) {
    tokens *= heads.size(axis);
  }
  const at::Tensor dense = heads.stride(-1) == 1 ? heads : heads.contiguous();
  return dense.reshape({tokens, heads.size(-2), heads.size(-1)});
}

struct Prepared {
  at::Tensor cos;
  at::Tensor sin;
  at::Tensor weight;
  Layout layout;
};

Prepared prepare(
    const at::Tensor& tokens,
    const RotaryTables& tables,
    const OptionalTensor& weight,
    const QkNormRopeOptions& options) {
  Prepared p;
  p.layout = {
      tokens.size(1),
      tokens.size(2),
      0,
      tokens.stride(0),
      tokens.stride(1),
      1,
      options.is_interleaved,
      static_cast<float>(options.eps),
      nullptr,
      nullptr,
      nullptr};
  if (tables.cos.defined() && tables.cos.numel() > 0) {
    p.cos = tables.cos.contiguous();
    p.sin = tables.sin.contiguous();
    p.layout.half = p.cos.size(-1);
    p.layout.num_table_rows = p.cos.numel() / p.layout.half;
    p.layout.cos = p.cos.const_data_ptr<float>();
    p.layout.sin = p.sin.const_data_ptr<float>();
  }
  if (weight.has_value()) {
    p.weight = cpu::used_weight(*weight, options.weight_offset);
    p.layout.weight = p.weight.const_data_ptr<float>();
  }
  return p;
}

int64_t tokens_per_task(const Layout& layout) {
  return cpu::rows_per_task(layout.num_heads * layout.width, 16384);
}

at::Tensor forward_one(
    const at::Tensor& heads,
    const RotaryTables& tables,
    const OptionalTensor& weight,
    const QkNormRopeOptions& options) {
  const at::Tensor out = cpu::empty(heads.sizes(), heads.options());
  if (out.numel() == 0) {
    return out;
  }
  const at::Tensor tokens = as_tokens(heads);
  const Prepared p = prepare(tokens, tables, weight, options);
  cpu::for_dtype(heads.scalar_type(), [&]<typename T>(T) {
    const T* from = tokens.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, tokens.size(0), tokens_per_task(p.layout), [&](int64_t begin, int64_t end) {
          std::vector<float> buffer(p.layout.width);
          forward_tokens<T>(p.layout, from, to, buffer.data(), begin, end);
        });
  });
  return out;
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
    const at::Tensor tokens = as_tokens(heads), dy = grad.contiguous();
    const Prepared p = prepare(tokens, tables, weight, options);
    cpu::for_dtype(heads.scalar_type(), [&]<typename T>(T) {
      const T* grads = dy.const_data_ptr<T>();
      const T* from = tokens.const_data_ptr<T>();
      T* to = out.mutable_data_ptr<T>();
      float* sums = partial.mutable_data_ptr<float>();
      at::parallel_for(
          0, tokens.size(0), tokens_per_task(p.layout),
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

std::tuple<at::Tensor, at::Tensor> qk_norm_rope_cpu(
    const at::Tensor& q,
    const at::Tensor& k,
    const OptionalTensor& cos,
    const OptionalTensor& sin,
    const OptionalTensor& q_weight,
    const OptionalTensor& k_weight,
    double eps,
    double weight_offset,
    bool is_interleaved) {
  const RotaryTables tables{or_undefined(cos), or_undefined(sin)};
  const QkNormRopeOptions options{
      q_weight, k_weight, eps, weight_offset, is_interleaved};
  check_qk_norm_rope(q, k, tables, options);
  const NoAutocast no_autocast;
  if (!takes_cpu_path(
          {q, k, tables.cos, or_undefined(q_weight), or_undefined(k_weight)})) {
    auto [q_out, k_out] = reference::qk_norm_rope(q, k, tables, options);
    return {q_out, k_out};
  }
  return {
      forward_one(q, tables, q_weight, options),
      forward_one(k, tables, k_weight, options)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor> qk_norm_rope_backward_cpu(
    const at::Tensor& grad_q,
    const at::Tensor& grad_k,
    const at::Tensor& q,
    const at::Tensor& k,
    const OptionalTensor& cos,
    const OptionalTensor& sin,
    const OptionalTensor& q_weight,
    const OptionalTensor& k_weight,
    double eps,
    double weight_offset,
    bool is_interleaved) {
  const NoAutocast no_autocast;
  const RotaryTables tables{or_undefined(cos), or_undefined(sin)};
  const QkNormRopeOptions options{
      q_weight, k_weight, eps, weight_offset, is_interleaved};
  const Gradients of_q = backward_one(grad_q, q, tables, q_weight, options);
  const Gradients of_k = backward_one(grad_k, k, tables, k_weight, options);
  return {of_q.heads, of_k.heads, of_q.weight, of_k.weight};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("qk_norm_rope", &qk_norm_rope_cpu);
  m.impl("qk_norm_rope_backward", &qk_norm_rope_backward_cpu);
}

} // namespace omni::kernels
