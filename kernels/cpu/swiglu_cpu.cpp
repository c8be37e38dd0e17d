// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// y = gate sigmoid(gate) up. Bytes an entry, forward: 3 times 4 (float32) or 2
// (bfloat16); backward 5 times. One thread takes whole rows. See Note [Row loops] in
// rms_norm_cpu.cpp.
#include <torch/library.h>

#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

// Rows of `width` entries; `in_stride` entries from one row of gate (and of up) to the
// next, `out_stride` likewise for the outputs.
struct Rows {
  int64_t width;
  int64_t in_stride;
  int64_t out_stride;
};

template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void forward_rows(
    const Rows& rows,
    const T* all_gates,
    const T* all_ups,
    T* all_outs,
    int64_t begin,
    int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* __restrict gate = all_gates + row * rows.in_stride;
    const T* __restrict up = all_ups + row * rows.in_stride;
    T* __restrict out = all_outs + row * rows.out_stride;
#pragma omp simd
    for (int64_t i = 0; i < rows.width; ++i) {
      const float g = to_float(gate[i]);
      out[i] = from_float<T>(g * cpu::sigmoid_fast(g) * to_float(up[i]));
    }
  }
}

// grad rows are contiguous. d gate = grad up s (1 + gate (1 - s)), d up = grad gate s.
template <typename T>
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void
backward_rows(
    const Rows& rows,
    const T* all_grads,
    const T* all_gates,
    const T* all_ups,
    T* all_gate_grads,
    T* all_up_grads,
    int64_t begin,
    int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const T* __restrict grad = all_grads + row * rows.width;
    const T* __restrict gate = all_gates + row * rows.in_stride;
    const T* __restrict up = all_ups + row * rows.in_stride;
    T* __restrict gate_grad = all_gate_grads + row * rows.out_stride;
    T* __restrict up_grad = all_up_grads + row * rows.out_stride;
#pragma omp simd
    for (int64_t i = 0; i < rows.width; ++i) {
      const float g = to_float(gate[i]), dy = to_float(grad[i]);
      const float s = cpu::sigmoid_fast(g);
      up_grad[i] = from_float<T>(dy * g * s);
      gate_grad[i] = from_float<T>(dy * to_float(up[i]) * s * (1.0f + g * (1.0f - s)));
    }
  }
}

constexpr int64_t kTaskEntries = 8192;

at::Tensor merged_cpu(const at::Tensor& gate_up) {
  check_swiglu(gate_up);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({gate_up})) {
    const auto halves = gate_up.chunk(2, -1);
    return reference::swiglu(halves[0], halves[1]);
  }
  const at::Tensor in = gate_up.contiguous();
  std::vector<int64_t> sizes = in.sizes().vec();
  const int64_t width = sizes.back() /= 2;
  const at::Tensor out = cpu::empty(sizes, in.options());
  const int64_t num_rows = width == 0 ? 0 : out.numel() / width;
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* gates = in.const_data_ptr<T>();
    T* outs = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(width, kTaskEntries),
        [&](int64_t begin, int64_t end) {
          forward_rows<T>(
              {width, 2 * width, width}, gates, gates + width, outs, begin, end);
        });
  });
  return out;
}

at::Tensor pair_cpu(const at::Tensor& gate, const at::Tensor& up) {
  check_swiglu(gate, up);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({gate, up})) {
    return reference::swiglu(gate, up);
  }
  const at::Tensor gate_in = gate.contiguous(), up_in = up.contiguous();
  const at::Tensor out = cpu::empty(gate.sizes(), gate.options());
  const int64_t width = gate.size(-1);
  const int64_t num_rows = width == 0 ? 0 : out.numel() / width;
  cpu::for_dtype(gate.scalar_type(), [&]<typename T>(T) {
    const T* gates = gate_in.const_data_ptr<T>();
    const T* ups = up_in.const_data_ptr<T>();
    T* outs = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(width, kTaskEntries),
        [&](int64_t begin, int64_t end) {
          forward_rows<T>({width, width, width}, gates, ups, outs, begin, end);
        });
  });
  return out;
}

at::Tensor merged_backward_cpu(const at::Tensor& grad, const at::Tensor& gate_up) {
  const NoAutocast no_autocast;
  const at::Tensor in = gate_up.contiguous(), dy = grad.contiguous();
  const at::Tensor out = cpu::empty(in.sizes(), in.options());
  const int64_t width = dy.size(-1);
  const int64_t num_rows = width == 0 ? 0 : dy.numel() / width;
  cpu::for_dtype(in.scalar_type(), [&]<typename T>(T) {
    const T* grads = dy.const_data_ptr<T>();
    const T* gates = in.const_data_ptr<T>();
    T* outs = out.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(width, kTaskEntries),
        [&](int64_t begin, int64_t end) {
          backward_rows<T>(
              {width, 2 * width, 2 * width}, grads, gates, gates + width, outs,
              outs + width, begin, end);
        });
  });
  return out;
}

std::tuple<at::Tensor, at::Tensor> pair_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& gate,
    const at::Tensor& up) {
  const NoAutocast no_autocast;
  const at::Tensor gate_in = gate.contiguous(), up_in = up.contiguous();
  const at::Tensor dy = grad.contiguous();
  const at::Tensor gate_grad = cpu::empty(gate.sizes(), gate.options());
  const at::Tensor up_grad = cpu::empty(gate.sizes(), gate.options());
  const int64_t width = dy.size(-1);
  const int64_t num_rows = width == 0 ? 0 : dy.numel() / width;
  cpu::for_dtype(gate.scalar_type(), [&]<typename T>(T) {
    const T* grads = dy.const_data_ptr<T>();
    const T* gates = gate_in.const_data_ptr<T>();
    const T* ups = up_in.const_data_ptr<T>();
    T* gate_outs = gate_grad.mutable_data_ptr<T>();
    T* up_outs = up_grad.mutable_data_ptr<T>();
    at::parallel_for(
        0, num_rows, cpu::rows_per_task(width, kTaskEntries),
        [&](int64_t begin, int64_t end) {
          backward_rows<T>(
              {width, width, width}, grads, gates, ups, gate_outs, up_outs, begin, end);
        });
  });
  return {gate_grad, up_grad};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("swiglu", &merged_cpu);
  m.impl("swiglu.pair", &pair_cpu);
  m.impl("swiglu_backward", &merged_backward_cpu);
  m.impl("swiglu_backward.pair", &pair_backward_cpu);
}

} // namespace omni::kernels
