// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What every kernel of this folder stands on: number types, launch shapes, packed
// loads, the shared memory of a block. No Torch header, so that the files compile two
// ways: by nvcc for a device, and by the host compiler after
// tests/support/cuda_emulation.h, which gives the keywords and built-in functions of
// the language and runs every kernel without a device.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

// The one switch between the two: only nvcc has this header, and only it may need it.
#ifdef __CUDACC__
#include <cuda_bf16.h>
#endif

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

inline constexpr int kWarpSize = 32;
inline constexpr unsigned kWholeWarp = 0xffffffffu;

template <typename I>
__host__ __device__ constexpr I ceil_div(I count, I size) {
  return (count + size - 1) / size;
}

// Threads for `items` of equal work: a multiple of a warp, at most `most`.
constexpr unsigned threads_for(int64_t items, unsigned most) {
  const int64_t warps = ceil_div<int64_t>(items, kWarpSize);
  const int64_t threads = (warps < 1 ? 1 : warps) * kWarpSize;
  return threads < most ? static_cast<unsigned>(threads) : most;
}

__device__ inline float to_float(float value) {
  return value;
}
__device__ inline float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}

template <typename T>
__device__ T from_float(float value);
template <>
__device__ inline float from_float<float>(float value) {
  return value;
}
// Rounds to nearest, ties to even; NaN stays NaN.
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

// N entries moved by as few instructions as the hardware allows: loads and stores of a
// Pack are 16 bytes wide where it is that large. The address must be a multiple of its
// size.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};

template <typename T, int N>
__device__ Pack<T, N> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}
template <typename T, int N>
__device__ void store_pack(T* to, const Pack<T, N>& pack) {
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

// Entries of T in 16 bytes.
template <typename T>
inline constexpr int kPackSize = 16 / static_cast<int>(sizeof(T));

// Whether rows `stride` entries apart, from `pointer` on, can be read N entries at a
// time. A pointer that is not given hinders nothing.
template <int N, typename T>
bool takes_packs(const T* pointer, int64_t stride) {
  return stride % N == 0 && reinterpret_cast<uintptr_t>(pointer) % (sizeof(T) * N) == 0;
}

// The shared memory that the launch asked for. All of it is dynamic: so the emulation
// owns it, and can fill it with NaN before a block and guard its end.
template <typename T>
__device__ T* shared_memory() {
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
}

} // namespace omni::kernels::cuda
