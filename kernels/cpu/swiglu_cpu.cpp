// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// swiglu and geglu: y = gate share(gate) up, the share a sigmoid or Phi. Bytes an
// entry, forward: 3 times 4 (float32) or 2 (bfloat16); backward 5 times. One thread
// takes whole rows. See Note [Row loops] in rms_norm_cpu.cpp.
#include <torch/library.h>

#include "kernels/cpu/kept_memory.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/simd.h"
#include "kernels/gated_unit.h"
#include "kernels/path.h"
#include "kernels/reference.h"

namespace omni::kernels {
namespace {

using cpu::from_float;
using cpu::to_float;

// The tanh form: Phi(x) = sigmoid(2 u), u = c (x + d x^3) with c = sqrt(2 / pi).
constexpr float kTwoC = 1.59576912160573f;
constexpr float kD = 0.044715f;

template <Gate kGate>
[[gnu::always_inline]] inline float share_of(float x) {
  if constexpr (kGate == Gate::Silu) {
    return cpu::sigmoid_fast(x);
  } else if constexpr (kGate == Gate::Gelu) {
    return cpu::normal_share_fast(x);
  } else {
    return cpu::sigmoid_fast(kTwoC * (x + kD * x * x * x));
  }
}

// pulled times the slope of x share(x), s = share(x).
template <Gate kGate>
[[gnu::always_inline]] inline float pull_back(float pulled, float x, float s) {
  if constexpr (kGate == Gate::Silu) {
    return pulled * s * (1.0f + x * (1.0f - s));
  } else if constexpr (kGate == Gate::Gelu) {
    constexpr float kDensity = 0.398942280401433f; // 1 / sqrt(2 pi)
    return pulled * (s + x * kDensity * cpu::exp_fast(-0.5f * x * x));
  } else {
    const float slope = kTwoC * (1.0f + 3.0f * kD * x * x);
    return pulled * (s + x * s * (1.0f - s) * slope);
  }
}

// Rows of `width` entries; `in_stride` entries from one row of gate (and of up) to the
// next, `out_stride` likewise for the outputs.
struct Rows {
  int64_t width;
  int64_t in_stride;
  int64_t out_stride;
};

template <Gate kGate, typename T>
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
      out[i] = from_float<T>(g * share_of<kGate>(g) * to_float(up[i]));
    }
  }
}

// grad rows are contiguous.
template <Gate kGate, typename T>
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
      const float s = share_of<kGate>(g);
      up_grad[i] = from_float<T>(dy * g * s);
      gate_grad[i] = from_float<T>(pull_back<kGate>(dy * to_float(up[i]), g, s));
    }
  }
}

// Calls `run.operator()<kGate>(T())`.
template <typename Run>
void for_gate_and_dtype(Gate gate, at::ScalarType dtype, const Run& run) {
  cpu::for_dtype(dtype, [&]<typename T>(T value) {
    switch (gate) {
      case Gate::Silu:
        return run.template operator()<Gate::Silu>(value);
      case Gate::Gelu:
        return run.template operator()<Gate::Gelu>(value);
      case Gate::GeluTanh:
        return run.template operator()<Gate::GeluTanh>(value);
    }
  });
}

// `entries` of the output, in rows of `width`.
template <typename Run>
void over_rows(int64_t entries, int64_t width, const Run& run) {
  at::parallel_for(
      0, width == 0 ? 0 : entries / width, cpu::rows_per_task(width, cpu::kTaskEntries),
      run);
}

template <typename... Form>
at::Tensor merged_cpu(const at::Tensor& gate_up, Form... form) {
  const Gate kind = gate_of(form...);
  check_gated_unit(kind, gate_up);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({gate_up})) {
    const auto halves = gate_up.chunk(2, -1);
    return reference::gated_unit(kind, halves[0], halves[1]);
  }
  const at::Tensor in = gate_up.contiguous();
  std::vector<int64_t> sizes = in.sizes().vec();
  const int64_t width = sizes.back() /= 2;
  const at::Tensor out = cpu::empty(sizes, in.options());
  for_gate_and_dtype(kind, in.scalar_type(), [&]<Gate kGate, typename T>(T) {
    const T* gates = in.const_data_ptr<T>();
    T* outs = out.mutable_data_ptr<T>();
    over_rows(out.numel(), width, [&](int64_t begin, int64_t end) {
      forward_rows<kGate, T>(
          {width, 2 * width, width}, gates, gates + width, outs, begin, end);
    });
  });
  return out;
}

template <typename... Form>
at::Tensor pair_cpu(const at::Tensor& gate, const at::Tensor& up, Form... form) {
  const Gate kind = gate_of(form...);
  check_gated_unit(kind, gate, up);
  const NoAutocast no_autocast;
  if (!takes_cpu_path({gate, up})) {
    return reference::gated_unit(kind, gate, up);
  }
  const at::Tensor gate_in = gate.contiguous(), up_in = up.contiguous();
  const at::Tensor out = cpu::empty(gate.sizes(), gate.options());
  const int64_t width = gate.size(-1);
  for_gate_and_dtype(kind, gate.scalar_type(), [&]<Gate kGate, typename T>(T) {
    const T* gates = gate_in.const_data_ptr<T>();
    const T* ups = up_in.const_data_ptr<T>();
    T* outs = out.mutable_data_ptr<T>();
    over_rows(out.numel(), width, [&](int64_t begin, int64_t end) {
      forward_rows<kGate, T>({width, width, width}, gates, ups, outs, begin, end);
    });
  });
  return out;
}

template <typename... Form>
at::Tensor
merged_backward_cpu(const at::Tensor& grad, const at::Tensor& gate_up, Form... form) {
  check_gated_unit_backward(gate_of(form...), grad, gate_up);
  const NoAutocast no_autocast;
  const at::Tensor in = gate_up.contiguous(), dy = grad.contiguous();
  const at::Tensor out = cpu::empty(in.sizes(), in.options());
  const int64_t width = dy.size(-1);
  for_gate_and_dtype(
      gate_of(form...), in.scalar_type(), [&]<Gate kGate, typename T>(T) {
        const T* grads = dy.const_data_ptr<T>();
        const T* gates = in.const_data_ptr<T>();
        T* outs = out.mutable_data_ptr<T>();
        over_rows(dy.numel(), width, [&](int64_t begin, int64_t end) {
          backward_rows<kGate, T>(
              {width, 2 * width, 2 * width}, grads, gates, gates + width, outs,
              outs + width, begin, end);
        });
      });
  return out;
}

template <typename... Form>
std::tuple<at::Tensor, at::Tensor> pair_backward_cpu(
    const at::Tensor& grad,
    const at::Tensor& gate,
    const at::Tensor& up,
    Form... form) {
  check_gated_unit_backward(gate_of(form...), grad, gate, up);
  const NoAutocast no_autocast;
  const at::Tensor gate_in = gate.contiguous(), up_in = up.contiguous();
  const at::Tensor dy = grad.contiguous();
  const at::Tensor gate_grad = cpu::empty(gate.sizes(), gate.options());
  const at::Tensor up_grad = cpu::empty(gate.sizes(), gate.options());
  const int64_t width = dy.size(-1);
  for_gate_and_dtype(
      gate_of(form...), gate.scalar_type(), [&]<Gate kGate, typename T>(T) {
        const T* grads = dy.const_data_ptr<T>();
        const T* gates = gate_in.const_data_ptr<T>();
        const T* ups = up_in.const_data_ptr<T>();
        T* gate_outs = gate_grad.mutable_data_ptr<T>();
        T* up_outs = up_grad.mutable_data_ptr<T>();
        over_rows(dy.numel(), width, [&](int64_t begin, int64_t end) {
          backward_rows<kGate, T>(
              {width, width, width}, grads, gates, ups, gate_outs, up_outs, begin, end);
        });
      });
  return {gate_grad, up_grad};
}

} // namespace

TORCH_LIBRARY_IMPL(omni, CPU, m) {
  m.impl("swiglu", &merged_cpu<>);
  m.impl("swiglu.pair", &pair_cpu<>);
  m.impl("swiglu_backward", &merged_backward_cpu<>);
  m.impl("swiglu_backward.pair", &pair_backward_cpu<>);
  m.impl("geglu", &merged_cpu<bool>);
  m.impl("geglu.pair", &pair_cpu<bool>);
  m.impl("geglu_backward", &merged_backward_cpu<bool>);
  m.impl("geglu_backward.pair", &pair_backward_cpu<bool>);
}

} // namespace omni::kernels
