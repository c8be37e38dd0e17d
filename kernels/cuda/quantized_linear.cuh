// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out[n, o] = sum_i x[n, i] scale[o, i / group] level[o, i] + bias[o], for the few rows
// of decoding: weights are int8 levels (a group of any size, or a whole row: per
// channel) or int4 levels (groups of 32) and are read once for kLinearRows rows.
// Shapes: x [N, I], out [N, O], scales float32 [O, I / group], bias [O]. Weights: int8
// [O, I]; int4 as bytes [O, I / 2], entry 2j in the low and 2j + 1 in the high half of
// byte j, level = half - 8. dtypes: x, bias and out of T, float32 or bfloat16; sums in
// float32, a group's before its scale.
// A thread block: kLinearWarps outputs, a warp each, for kRows rows of x. Bytes a
// weight: 1 or 1/2, and 4 / group of its scale.
#pragma once

#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

inline constexpr int kLinearWarps = 4;
inline constexpr int kLinearRows = 4; // rows of x at once, where there are several
inline constexpr int kLinearBytes = 16; // of weights that a lane reads together
inline constexpr int kInt4Group = 32;

template <typename T>
struct QuantizedLinear {
  const T* x = nullptr;
  const uint8_t* weight = nullptr; // bytes of int8, or pairs of int4
  const float* scales = nullptr;
  const T* bias = nullptr; // null: none
  T* out = nullptr;
  int num_rows = 0; // N
  int num_outputs = 0; // O
  int num_inputs = 0; // I, a multiple of the group
  int group = 0; // entries that share a scale
};

// How levels lie in kBytes bytes.
template <int kBytes>
struct Int8Levels {
  static constexpr int kEntriesPerByte = 1;
  static constexpr int kEntries = kBytes;

  static __device__ void unpack(const Pack<uint8_t, kBytes>& pack, float* levels) {
    for (int j = 0; j < kBytes; ++j) {
      levels[j] = static_cast<float>(static_cast<int8_t>(pack.at[j]));
    }
  }
};
template <int kBytes>
struct Int4Levels {
  static constexpr int kEntriesPerByte = 2;
  static constexpr int kEntries = 2 * kBytes;

  static __device__ void unpack(const Pack<uint8_t, kBytes>& pack, float* levels) {
    for (int j = 0; j < kBytes; ++j) {
      levels[2 * j] = static_cast<float>(static_cast<int>(pack.at[j] & 15) - 8);
      levels[2 * j + 1] = static_cast<float>(static_cast<int>(pack.at[j] >> 4) - 8);
    }
  }
};

// Whether Levels<kLinearBytes> may be used; else Levels<1>.
template <template <int> typename Levels, typename T>
bool quantized_linear_takes_packs(const QuantizedLinear<T>& args) {
  using Format = Levels<kLinearBytes>;
  return args.group % Format::kEntries == 0 &&
      takes_packs<kLinearBytes>(
             args.weight, args.num_inputs / Format::kEntriesPerByte) &&
      takes_packs<kPackSize<T>>(args.x, args.num_inputs);
}

// Rows of x that a launch takes together: one alone is the common case.
inline int rows_together(int num_rows) {
  return num_rows > 1 ? kLinearRows : 1;
}

template <typename T>
Launch quantized_linear_launch(const QuantizedLinear<T>& args) {
  const int blocks_y = ceil_div(args.num_rows, rows_together(args.num_rows));
  return {
      ceil_div(args.num_outputs, kLinearWarps), blocks_y, kLinearWarps * kWarpSize, 0};
}

template <int kEntries, typename T>
__device__ float dot_levels(const float* levels, const T* x) {
  constexpr int kPack = kEntries < kPackSize<T> ? 1 : kPackSize<T>;
  float sum = 0.0f;
  for (int i = 0; i < kEntries; i += kPack) {
    const auto pack = load_pack<T, kPack>(x + i);
    for (int j = 0; j < kPack; ++j) {
      sum += levels[i + j] * to_float(pack.at[j]);
    }
  }
  return sum;
}

// kRows: rows_together.
template <typename Levels, int kBytes, int kRows, typename T>
__global__ void quantized_linear_kernel(QuantizedLinear<T> args) {
  constexpr int kEntries = Levels::kEntries;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int output = static_cast<int>(blockIdx.x) * kLinearWarps + warp;
  if (output >= args.num_outputs) {
    return; // a whole warp
  }
  const int first_row = static_cast<int>(blockIdx.y) * kRows;
  const int groups = args.num_inputs / args.group;
  const int64_t row_bytes = args.num_inputs / Levels::kEntriesPerByte;
  const uint8_t* weight = args.weight + output * row_bytes;
  const float* scales = args.scales + int64_t{output} * groups;
  float sums[kRows] = {};
  for (int i = lane * kEntries; i < args.num_inputs; i += kWarpSize * kEntries) {
    float levels[kEntries];
    Levels::unpack(
        load_pack<uint8_t, kBytes>(weight + i / Levels::kEntriesPerByte), levels);
    const float scale = scales[i / args.group];
    for (int row = 0; row < kRows; ++row) {
      if (first_row + row < args.num_rows) {
        const T* x = args.x + int64_t{first_row + row} * args.num_inputs + i;
        sums[row] += scale * dot_levels<kEntries>(levels, x);
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    const float sum = warp_reduce(sums[row], Add());
    if (lane == 0 && first_row + row < args.num_rows) {
      const float bias = args.bias != nullptr ? to_float(args.bias[output]) : 0.0f;
      args.out[int64_t{first_row + row} * args.num_outputs + output] =
          from_float<T>(sum + bias);
    }
  }
}

} // namespace omni::kernels::cuda
