// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = s / sqrt(mean(s^2) + eps) * w, s = x or residual + m x; float32 sums.
// Bytes an entry, forward: 4 (float32) or 2 (bfloat16) for each of x, residual, sum, y,
// or 1 for y in 8 bits.
// One thread takes whole rows; the second pass over a row reads the first-level cache.
//
// Note [Row loops]
// The loops over entries are plain C++ in functions marked target_clones: the compiler
// writes one version for AVX-512, one for AVX2 and one for the baseline, and the loader
// binds the best. Lambdas given to at::parallel_for are functions of their own that the
// attribute does not reach, so they only call the loops. `omp simd` asks for vectors
// (-fopenmp-simd; no OpenMP runtime is involved); sums over a row, which it turns into
// slow code for bfloat16, are written with cpu::Sixteen.
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "kernels/backward_checks.h"
#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

// sum = residual + multiplier x, rounded to S; a null residual counts as 0.
template <typename X, typename S>
[[gnu::always_inline]] inline void add_branch(
    const X* __restrict x,
    const S* __restrict residual,
    float multiplier,
    int64_t width,
    S* __restrict sum) {
  if (residual == nullptr) {
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      sum[i] = from_float<S>(to_float(x[i]) * multiplier);
    }
    return;
  }
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    sum[i] = from_float<S>(to_float(residual[i]) + to_float(x[i]) * multiplier);
  }
}

// X: dtype of the branch and the output, S: dtype of the stream (residual and sum).
template <typename X, typename S>
struct Forward {
  const X* x; // [rows, width]
  const S* residual; // [rows, width] or null
  const float* weight; // [width], offset added
  X* normed;
  S* sum; // null without residual
  int64_t width;
  float eps;
  float multiplier;
};

template <typename X, typename S>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
forward_rows(const Forward<X, S>& a, int64_t begin, int64_t end) {
  const int64_t width = a.width;
  const float* __restrict weight = a.weight;
  const float multiplier = a.multiplier;
  const float share = 1.0f / static_cast<float>(width);
  for (int64_t row = begin; row < end; ++row) {
    const X* __restrict x = a.x + row * width;
    X* __restrict normed = a.normed + row * width;
    if (a.residual != nullptr) {
      S* __restrict sum = a.sum + row * width;
      add_branch(x, a.residual + row * width, multiplier, width, sum);
      const float squares = cpu::dot(sum, sum, width);
      const float inverse = 1.0f / std::sqrt(squares * share + a.eps);
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        normed[i] = from_float<X>(to_float(sum[i]) * inverse * weight[i]);
      }
    } else {
      const float squares = cpu::dot(x, x, width);
      const float inverse = 1.0f / std::sqrt(squares * share + a.eps);
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        normed[i] = from_float<X>(to_float(x[i]) * inverse * weight[i]);
      }
    }
  }
}

template <typename X, typename S>
struct Quantized {
  const X* x; // [rows, width]
  const S* residual; // [rows, width] or null
  const float* weight; // [width], offset added
  int8_t* quantized; // [rows, width]
  float* scales; // [rows]
  S* sum; // [rows, width]
  int64_t width;
  float eps;
  float multiplier;
};

// scale = max |y| / 127. NaN is no maximum and becomes -127.
template <typename X, typename S>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
quantized_rows(
    const Quantized<X, S>& a,
    float* __restrict y, // [width], scratch
    int64_t begin,
    int64_t end) {
  const int64_t width = a.width;
  const float* __restrict weight = a.weight;
  const float share = 1.0f / static_cast<float>(width);
  for (int64_t row = begin; row < end; ++row) {
    const S* residual = a.residual != nullptr ? a.residual + row * width : nullptr;
    S* __restrict sum = a.sum + row * width;
    int8_t* __restrict quantized = a.quantized + row * width;
    add_branch(a.x + row * width, residual, a.multiplier, width, sum);
    const float norm = 1.0f / std::sqrt(cpu::dot(sum, sum, width) * share + a.eps);
    float largest = 0.0f;
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < width; ++i) {
      y[i] = to_float(sum[i]) * norm * weight[i];
      const float magnitude = y[i] < 0.0f ? -y[i] : y[i];
      largest = magnitude > largest ? magnitude : largest;
    }
    const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const float level = cpu::round_small(y[i] * inverse);
      const float least = level > -127.0f ? level : -127.0f;
      quantized[i] = static_cast<int8_t>(least < 127.0f ? least : 127.0f);
    }
    a.scales[row] = largest / 127.0f;
  }
}

template <typename X, typename S>
struct Backward {
  const X* grad_normed; // [rows, width]
  const S* grad_sum; // [rows, width] or null: what reaches the sum from elsewhere
  const S* sum; // [rows, width]
  const float* weight; // [width], offset added
  S* grad_stream; // [rows, width]
  X* grad_branch; // [rows, width], multiplier applied; null when equal to grad_stream
  int64_t width;
  float eps;
  float multiplier;
};

// With s the sum, g = grad_normed * w and r = 1 / sqrt(mean(s^2) + eps):
// ds = r (g - s r^2 mean(g s)) + grad_sum, dw += grad_normed s r.
template <typename X, typename S>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
backward_rows(
    const Backward<X, S>& a,
    float* __restrict grad_weight,
    float* __restrict pulled, // [width], scratch
    int64_t begin,
    int64_t end) {
  const int64_t width = a.width;
  const float* __restrict weight = a.weight;
  const float share = 1.0f / static_cast<float>(width);
  for (int64_t row = begin; row < end; ++row) {
    const X* __restrict grad = a.grad_normed + row * width;
    const S* __restrict sum = a.sum + row * width;
    S* __restrict out = a.grad_stream + row * width;
    const float inverse = 1.0f / std::sqrt(cpu::dot(sum, sum, width) * share + a.eps);
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      pulled[i] = to_float(grad[i]) * weight[i];
    }
    const float along = cpu::dot(pulled, sum, width);
    const float back = along * share * inverse * inverse;
    if (a.grad_branch != nullptr) {
      const float multiplier = a.multiplier;
      X* __restrict branch = a.grad_branch + row * width;
      const S* __restrict extra =
          a.grad_sum != nullptr ? a.grad_sum + row * width : nullptr;
      for (int64_t i = 0; i < width; ++i) {
        const float s = to_float(sum[i]), g = to_float(grad[i]);
        grad_weight[i] += g * s * inverse;
        const float ds = inverse * (pulled[i] - s * back) +
            (extra != nullptr ? to_float(extra[i]) : 0.0f);
        out[i] = from_float<S>(ds);
        branch[i] = from_float<X>(ds * multiplier);
      }
    } else if (a.grad_sum != nullptr) {
      const S* __restrict extra = a.grad_sum + row * width;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        const float s = to_float(sum[i]), g = to_float(grad[i]);
        grad_weight[i] += g * s * inverse;
        out[i] = from_float<S>(inverse * (pulled[i] - s * back) + to_float(extra[i]));
      }
    } else {
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) {
        const float s = to_float(sum[i]), g = to_float(grad[i]);
        grad_weight[i] += g * s * inverse;
        out[i] = from_float<S>(inverse * (pulled[i] - s * back));
      }
    }
  }
}

template <typename X, typename S>
void run_forward(
    const at::Tensor& x,
    const at::Tensor* residual,
    const at::Tensor& weight,
    const at::Tensor& normed,
    const at::Tensor* sum,
    const RmsNormOptions& options) {
  const int64_t width = weight.numel();
  const Forward<X, S> arguments{
      x.const_data_ptr<X>(),
      residual != nullptr ? residual->const_data_ptr<S>() : nullptr,
      weight.const_data_ptr<float>(),
      normed.mutable_data_ptr<X>(),
      sum != nullptr ? sum->mutable_data_ptr<S>() : nullptr,
      width,
      static_cast<float>(options.eps),
      static_cast<float>(options.branch_multiplier)};
  const int64_t rows = width == 0 ? 0 : x.numel() / width;
  at::parallel_for(
      0, rows, cpu::rows_per_task(width, cpu::kPlainTaskEntries),
      [&](int64_t begin, int64_t end) { forward_rows<X, S>(arguments, begin, end); });
}

at::Tensor rms_norm_cpu(
    const at::Tensor& x,
    const at::Tensor& weight,
    double eps,
    double weight_offset) {
  check_rms_norm(x, std::nullopt, weight);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({x, weight})) {
    return reference::rms_norm(x, weight, {eps, weight_offset});
  }
  const at::Tensor rows = x.contiguous();
  const at::Tensor used = cpu::used_weight(weight, weight_offset);
  const at::Tensor normed = cpu::empty(x.sizes(), x.options());
  cpu::for_dtypes(x.scalar_type(), x.scalar_type(), [&]<typename X, typename S>(X, S) {
    run_forward<X, S>(rows, nullptr, used, normed, nullptr, {.eps = eps});
  });
  return normed;
}

std::tuple<at::Tensor, at::Tensor> add_rms_norm_cpu(
    const at::Tensor& x,
    const at::Tensor& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_rms_norm(x, residual, weight);
  const NoAutocast no_autocast;
  const RmsNormOptions options{eps, weight_offset, branch_multiplier};
  if (!takes_cpu_path({x, residual, weight})) {
    auto [normed, sum] = reference::add_rms_norm(x, residual, weight, options);
    return {normed, sum};
  }
  const at::Tensor branch = x.contiguous(), stream = residual.contiguous();
  const at::Tensor used = cpu::used_weight(weight, weight_offset);
  const at::Tensor normed = cpu::empty(x.sizes(), x.options());
  const at::Tensor sum = cpu::empty(x.sizes(), residual.options());
  cpu::for_dtypes(
      x.scalar_type(), residual.scalar_type(), [&]<typename X, typename S>(X, S) {
        run_forward<X, S>(branch, &stream, used, normed, &sum, options);
      });
  return {normed, sum};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> quantized_add_rms_norm_cpu(
    const at::Tensor& x,
    const std::optional<at::Tensor>& residual,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_rms_norm(x, residual, weight);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({x, or_undefined(residual), weight})) {
    auto [quantized, scales, sum] = reference::quantized_add_rms_norm(
        x, residual, weight, {eps, weight_offset, branch_multiplier});
    return {quantized, scales, sum};
  }
  const at::Tensor branch = x.contiguous();
  const at::Tensor stream =
      residual.has_value() ? residual->contiguous() : at::Tensor();
  const at::Tensor used = cpu::used_weight(weight, weight_offset);
  const at::IntArrayRef row_sizes = x.sizes().slice(0, x.dim() - 1);
  const at::Tensor quantized = cpu::empty(x.sizes(), x.options().dtype(at::kChar));
  // Rows without entries are rows of zeros.
  const at::Tensor scales = at::zeros(row_sizes, x.options().dtype(at::kFloat));
  const at::Tensor sum = cpu::empty(x.sizes(), residual.value_or(x).options());
  const int64_t width = weight.numel();
  const int64_t rows = width == 0 ? 0 : x.numel() / width;
  cpu::for_dtypes(
      x.scalar_type(), sum.scalar_type(), [&]<typename X, typename S>(X, S) {
        const Quantized<X, S> arguments{
            branch.const_data_ptr<X>(),
            stream.defined() ? stream.const_data_ptr<S>() : nullptr,
            used.const_data_ptr<float>(),
            quantized.mutable_data_ptr<int8_t>(),
            scales.mutable_data_ptr<float>(),
            sum.mutable_data_ptr<S>(),
            width,
            static_cast<float>(eps),
            static_cast<float>(branch_multiplier)};
        at::parallel_for(
            0, rows, cpu::rows_per_task(width, cpu::kPlainTaskEntries),
            [&](int64_t begin, int64_t end) {
              std::vector<float> y(width);
              quantized_rows<X, S>(arguments, y.data(), begin, end);
            });
      });
  return {quantized, scales, sum};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> add_rms_norm_backward_cpu(
    const at::Tensor& grad_normed,
    const std::optional<at::Tensor>& grad_sum,
    const at::Tensor& sum,
    const at::Tensor& weight,
    double eps,
    double weight_offset,
    double branch_multiplier) {
  check_add_rms_norm_backward(grad_normed, grad_sum, sum, weight);
  const NoAutocast no_autocast;
  const at::Tensor grad = grad_normed.contiguous(), stream = sum.contiguous();
  const at::Tensor extra = grad_sum.has_value() ? grad_sum->contiguous() : at::Tensor();
  const at::Tensor used = cpu::used_weight(weight, weight_offset);
  const int64_t width = weight.numel();
  const int64_t rows = width == 0 ? 0 : sum.numel() / width;
  const bool is_same =
      branch_multiplier == 1.0 && grad.scalar_type() == sum.scalar_type();
  const at::Tensor grad_stream = cpu::empty(sum.sizes(), sum.options());
  const at::Tensor grad_branch =
      cpu::empty(is_same ? at::IntArrayRef({0}) : sum.sizes(), grad.options());
  const at::Tensor partial = at::zeros({at::get_num_threads(), width}, used.options());
  cpu::for_dtypes(
      grad.scalar_type(), sum.scalar_type(), [&]<typename X, typename S>(X, S) {
        const Backward<X, S> arguments{
            grad.const_data_ptr<X>(),
            extra.defined() ? extra.const_data_ptr<S>() : nullptr,
            stream.const_data_ptr<S>(),
            used.const_data_ptr<float>(),
            grad_stream.mutable_data_ptr<S>(),
            is_same ? nullptr : grad_branch.mutable_data_ptr<X>(),
            width,
            static_cast<float>(eps),
            static_cast<float>(branch_multiplier)};
        float* sums = partial.mutable_data_ptr<float>();
        at::parallel_for(
            0, rows, cpu::rows_per_task(width, cpu::kPlainTaskEntries),
            [&](int64_t begin, int64_t end) {
              std::vector<float> pulled(width);
              backward_rows<X, S>(
                  arguments, sums + at::get_thread_num() * width, pulled.data(), begin,
                  end);
            });
      });
  return {grad_stream, grad_branch, partial.sum(0).to(weight.scalar_type())};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("rms_norm", &rms_norm_cpu);
  m.impl("add_rms_norm", &add_rms_norm_cpu);
  m.impl("quantized_add_rms_norm", &quantized_add_rms_norm_cpu);
  m.impl("add_rms_norm_backward", &add_rms_norm_backward_cpu);
}

} // namespace omni::kernels
