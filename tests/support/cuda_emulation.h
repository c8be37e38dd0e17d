// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The part of CUDA that kernels/cuda/*.cuh use, for the host compiler: include this
// first, then a kernel, then run() it. A thread is a fibre, blocks run one after
// another, and what hardware leaves undefined is a CudaEmulationError: a barrier that a
// thread never reaches, a warp operation that misses a lane of its mask. Shared memory
// starts as NaN and ends, for AddressSanitizer, where the launch says. One OS thread.
//
// The macros are keywords of the language that this stands in for; all else is typed.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))

namespace omni::testing {

// [cuda_emulation] expected X, got Y.
struct CudaEmulationError : std::logic_error {
  using std::logic_error::logic_error;
};

// In which order the threads of a block run between two meetings. A result that depends
// on it comes from a race.
enum class ThreadOrder { Forward, Reverse, Shuffled };

struct EmulatedLaunch {
  unsigned blocks_x = 0;
  unsigned blocks_y = 1;
  unsigned threads = 0; // a block, at most 1024
  size_t shared_bytes = 0; // a block, at most 227 KiB
  ThreadOrder order = ThreadOrder::Forward;
  uint64_t seed = 0; // of the shuffled order
};

// Runs `kernel` once a thread. Throws what a thread throws, or CudaEmulationError.
void run_emulated(const EmulatedLaunch& launch, const std::function<void()>& kernel);

enum class WarpCall { Shuffle, Ballot, Sync };

// Waits until every lane of `mask` is at the same call; returns what each lane (of 32)
// brought.
const uint64_t* meet_warp(
    WarpCall call,
    unsigned mask,
    uint64_t brought,
    const std::source_location& place);
[[noreturn]] void refuse_lane(int lane, const std::source_location& place);

template <typename V>
V shuffled(unsigned mask, V value, int from_lane, const std::source_location& place) {
  static_assert(std::is_trivially_copyable_v<V> && sizeof(V) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(V));
  const uint64_t* lanes = meet_warp(WarpCall::Shuffle, mask, bits, place);
  if ((mask >> from_lane & 1u) == 0) {
    refuse_lane(from_lane, place);
  }
  std::memcpy(&value, &lanes[from_lane], sizeof(V));
  return value;
}

} // namespace omni::testing

// --- Built-in variables and functions, in the global namespace as in the language
// ---------------------------------------------------------------------------------------

struct EmulatedIndex {
  unsigned x = 0, y = 0, z = 0;
};
extern EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads(const std::source_location& place = std::source_location::current());

inline void __syncwarp(
    unsigned mask = 0xffffffffu,
    const std::source_location& place = std::source_location::current()) {
  omni::testing::meet_warp(omni::testing::WarpCall::Sync, mask, 0, place);
}

template <typename V>
V __shfl_sync(
    unsigned mask,
    V value,
    int lane,
    const std::source_location& place = std::source_location::current()) {
  return omni::testing::shuffled(mask, value, lane & 31, place);
}
template <typename V>
V __shfl_xor_sync(
    unsigned mask,
    V value,
    int lane_mask,
    const std::source_location& place = std::source_location::current()) {
  const int lane = static_cast<int>(threadIdx.x % 32) ^ (lane_mask & 31);
  return omni::testing::shuffled(mask, value, lane, place);
}
// A lane that has none so far before it keeps its own value.
template <typename V>
V __shfl_up_sync(
    unsigned mask,
    V value,
    unsigned distance,
    const std::source_location& place = std::source_location::current()) {
  const int own = static_cast<int>(threadIdx.x % 32);
  const int lane = own - static_cast<int>(distance);
  return omni::testing::shuffled(mask, value, lane < 0 ? own : lane, place);
}

unsigned __ballot_sync(
    unsigned mask,
    int predicate,
    const std::source_location& place = std::source_location::current());

// A device stops all of a process's work there.
[[noreturn]] void __trap(
    const std::source_location& place = std::source_location::current());

// One OS thread: any operation is atomic. Returns the old value.
template <typename V>
V atomicAdd(V* address, V value) {
  const V old = *address;
  *address = old + value;
  return old;
}

inline int __popc(unsigned bits) {
  return std::popcount(bits);
}
inline int __ffs(int bits) {
  return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1;
}
inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}
inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}
inline float rsqrtf(float value) {
  return 1.0f / std::sqrt(value);
}

struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __bfloat162float(__nv_bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) {
    return {0x7fff};
  }
  return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}
