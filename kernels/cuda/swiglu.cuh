// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out = act(gate) * up, act one of silu (SwiGLU), gelu and its tanh form (GeGLU).
// Shapes: gate, up and out [R, F], rows of gate and up any distance apart, so that both
// may be halves of one [R, 2F]. dtypes: float32 or bfloat16, one for all three;
// arithmetic in float32, nothing is accumulated.
// A thread block: kSwigluThreads packs of one row. Bytes an entry: 3 sizeof(T).
#pragma once

#include "kernels/cuda/cuda_types.cuh"

namespace omni::kernels::cuda {

enum class Gate { Silu, Gelu, GeluTanh };

template <typename T>
struct Swiglu {
  const T* gate = nullptr;
  const T* up = nullptr;
  T* out = nullptr; // contiguous
  int64_t num_rows = 0;
  int64_t width = 0; // F
  int64_t gate_stride = 0; // entries from row to row
  int64_t up_stride = 0;
};

inline constexpr unsigned kSwigluThreads = 256;

template <typename T>
bool swiglu_takes_packs(const Swiglu<T>& args) {
  constexpr int kPack = kPackSize<T>;
  return takes_packs<kPack>(args.gate, args.gate_stride) &&
      takes_packs<kPack>(args.up, args.up_stride) &&
      takes_packs<kPack>(args.out, args.width);
}

template <typename T>
__host__ __device__ int64_t swiglu_blocks_per_row(const Swiglu<T>& args, int pack) {
  return ceil_div<int64_t>(args.width, int64_t{kSwigluThreads} * pack);
}

template <typename T>
Launch swiglu_launch(const Swiglu<T>& args) {
  const int pack = swiglu_takes_packs(args) ? kPackSize<T> : 1;
  const int64_t blocks = args.num_rows * swiglu_blocks_per_row(args, pack);
  return {static_cast<unsigned>(blocks), 1, kSwigluThreads, 0};
}

template <Gate kGate>
__device__ float gate_value(float x) {
  if constexpr (kGate == Gate::Silu) {
    return x / (1.0f + expf(-x));
  } else if constexpr (kGate == Gate::Gelu) {
    return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f)); // x / sqrt(2)
  } else {
    // sqrt(2 / pi) (x + 0.044715 x^3), arXiv 1606.08415
    return 0.5f * x *
        (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
  }
}

// kPack: kPackSize<T> where swiglu_takes_packs, else 1.
template <Gate kGate, int kPack, typename T>
__global__ void swiglu_kernel(Swiglu<T> args) {
  const int64_t blocks = swiglu_blocks_per_row(args, kPack);
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

} // namespace omni::kernels::cuda
