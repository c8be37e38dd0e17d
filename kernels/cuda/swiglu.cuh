// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out = act(gate) * up, act one of silu (SwiGLU), gelu and its tanh form (GeGLU);
// backward d gate = grad up act'(gate), d up = grad act(gate).
// Shapes: gate, up and out [R, F], rows of gate and up any distance apart, so that both
// may be halves of one [R, 2F]. dtypes: float32 or bfloat16, one for all three;
// arithmetic in float32, nothing is accumulated.
// A thread block: kSwigluThreads packs of one row. Bytes an entry: 3 sizeof(T) forward,
// 5 sizeof(T) backward.
#pragma once

#include "kernels/cuda/cuda_types.cuh"
#include "kernels/cuda/swiglu_cuda.h"

namespace omni::kernels::cuda {

inline constexpr unsigned kSwigluThreads = 256;

template <typename T>
bool swiglu_takes_packs(const Swiglu<T>& args) {
  constexpr int kPack = kPackSize<T>;
  return takes_packs<kPack>(args.gate, args.gate_stride) &&
      takes_packs<kPack>(args.up, args.up_stride) &&
      takes_packs<kPack>(args.out, args.width);
}

template <typename T>
bool swiglu_backward_takes_packs(const SwigluBackward<T>& args) {
  constexpr int kPack = kPackSize<T>;
  return takes_packs<kPack>(args.grad, args.width) &&
      takes_packs<kPack>(args.gate, args.gate_stride) &&
      takes_packs<kPack>(args.up, args.up_stride) &&
      takes_packs<kPack>(args.grad_gate, args.out_stride) &&
      takes_packs<kPack>(args.grad_up, args.out_stride);
}

__host__ __device__ inline int64_t swiglu_blocks_per_row(int64_t width, int pack) {
  return ceil_div<int64_t>(width, int64_t{kSwigluThreads} * pack);
}

inline Launch swiglu_launch_of(int64_t num_rows, int64_t width, int pack) {
  return {num_rows * swiglu_blocks_per_row(width, pack), 1, kSwigluThreads, 0};
}
template <typename T>
Launch swiglu_launch(const Swiglu<T>& args) {
  const int pack = swiglu_takes_packs(args) ? kPackSize<T> : 1;
  return swiglu_launch_of(args.num_rows, args.width, pack);
}
template <typename T>
Launch swiglu_backward_launch(const SwigluBackward<T>& args) {
  const int pack = swiglu_backward_takes_packs(args) ? kPackSize<T> : 1;
  return swiglu_launch_of(args.num_rows, args.width, pack);
}

inline constexpr float kHalfRoot = 0.70710678118654752f; // 1 / sqrt(2)
inline constexpr float kTanhFactor =
    0.79788456080286536f; // sqrt(2 / pi), arXiv 1606.08415
inline constexpr float kTanhCubic = 0.044715f;
inline constexpr float kDensityAtZero = 0.39894228040143268f; // 1 / sqrt(2 pi)

template <Gate kGate>
__device__ float gate_value(float x) {
  if constexpr (kGate == Gate::Silu) {
    return x / (1.0f + expf(-x));
  } else if constexpr (kGate == Gate::Gelu) {
    return 0.5f * x * (1.0f + erff(x * kHalfRoot));
  } else {
    return 0.5f * x * (1.0f + tanhf(kTanhFactor * (x + kTanhCubic * x * x * x)));
  }
}

template <Gate kGate>
__device__ float gate_slope(float x) {
  if constexpr (kGate == Gate::Silu) {
    const float sigmoid = 1.0f / (1.0f + expf(-x));
    return sigmoid * (1.0f + x * (1.0f - sigmoid));
  } else if constexpr (kGate == Gate::Gelu) {
    const float share = 0.5f * (1.0f + erff(x * kHalfRoot));
    return share + x * kDensityAtZero * expf(-0.5f * x * x);
  } else {
    const float turn = tanhf(kTanhFactor * (x + kTanhCubic * x * x * x));
    const float slope = kTanhFactor * (1.0f + 3.0f * kTanhCubic * x * x);
    // A gate far out has turned to its end: zero times what may be infinite is zero.
    const float bend = 1.0f - turn * turn;
    return 0.5f * (1.0f + turn) + (bend == 0.0f ? 0.0f : 0.5f * x * bend * slope);
  }
}

// kPack: kPackSize<T> where swiglu_takes_packs, else 1.
template <Gate kGate, int kPack, typename T>
__global__ void swiglu_kernel(Swiglu<T> args) {
  const int64_t blocks = swiglu_blocks_per_row(args.width, kPack);
  const int64_t row = blockIdx.x / blocks;
  const int64_t i = ((blockIdx.x % blocks) * kSwigluThreads + threadIdx.x) * kPack;
  if (i >= args.width) {
    return;
  }
  const auto gate = load_pack<T, kPack>(args.gate + row * args.gate_stride + i);
  const auto up = load_pack<T, kPack>(args.up + row * args.up_stride + i);
  Pack<T, kPack> out;
  for (int j = 0; j < kPack; ++j) {
    out.at[j] =
        from_float<T>(gate_value<kGate>(to_float(gate.at[j])) * to_float(up.at[j]));
  }
  store_pack(args.out + row * args.width + i, out);
}

// kPack: kPackSize<T> where swiglu_backward_takes_packs, else 1.
template <Gate kGate, int kPack, typename T>
__global__ void swiglu_backward_kernel(SwigluBackward<T> args) {
  const int64_t blocks = swiglu_blocks_per_row(args.width, kPack);
  const int64_t row = blockIdx.x / blocks;
  const int64_t i = ((blockIdx.x % blocks) * kSwigluThreads + threadIdx.x) * kPack;
  if (i >= args.width) {
    return;
  }
  const auto grad = load_pack<T, kPack>(args.grad + row * args.width + i);
  const auto gate = load_pack<T, kPack>(args.gate + row * args.gate_stride + i);
  const auto up = load_pack<T, kPack>(args.up + row * args.up_stride + i);
  Pack<T, kPack> grad_gate, grad_up;
  for (int j = 0; j < kPack; ++j) {
    const float x = to_float(gate.at[j]), dy = to_float(grad.at[j]);
    grad_gate.at[j] = from_float<T>(dy * to_float(up.at[j]) * gate_slope<kGate>(x));
    grad_up.at[j] = from_float<T>(dy * gate_value<kGate>(x));
  }
  store_pack(args.grad_gate + row * args.out_stride + i, grad_gate);
  store_pack(args.grad_up + row * args.out_stride + i, grad_up);
}

} // namespace omni::kernels::cuda
