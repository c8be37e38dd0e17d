// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Sums, maxima and the like over a warp or a block, of one value a thread. The order of
// the additions depends on the number of threads alone, so results repeat bit for bit,
// and all threads get the same bits: a butterfly adds a + b in one lane and b + a in
// its partner.
#pragma once

#include "kernels/cuda/cuda_types.cuh"

namespace omni::kernels::cuda {

struct Add {
  template <typename V>
  __device__ V operator()(V a, V b) const {
    return a + b;
  }
};

struct Larger {
  template <typename V>
  __device__ V operator()(V a, V b) const {
    return a < b ? b : a;
  }
};

// By all lanes of a warp; `combine` is associative and commutative.
template <typename V, typename Combine>
__device__ V warp_reduce(V value, Combine combine) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kWholeWarp, value, distance));
  }
  return value;
}

// By all threads of a block. `partials`: shared, kWarpSize values; free again only
// after the next barrier.
template <typename V, typename Combine>
__device__ V block_reduce(V value, V identity, Combine combine, V* partials) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  value = warp_reduce(value, combine);
  __syncthreads(); // of an earlier call everyone has read the partials
  if (lane == 0) {
    partials[warp] = value;
  }
  __syncthreads();
  const int num_warps = static_cast<int>(blockDim.x) / kWarpSize;
  return warp_reduce(lane < num_warps ? partials[lane] : identity, combine);
}

// The sum of the values of the lanes before this one. Exact for integers.
template <typename V>
__device__ V warp_sum_before(V value) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  V sum = value;
  for (int distance = 1; distance < kWarpSize; distance *= 2) {
    const V other = __shfl_up_sync(kWholeWarp, sum, distance);
    sum += lane >= distance ? other : V(0);
  }
  return sum - value;
}

// One value a warp (the same in all its lanes): the sum over the warps before this one,
// and over all. `partials` as in block_reduce.
template <typename V>
struct WarpSums {
  V before;
  V all;
};
template <typename V>
__device__ WarpSums<V> sum_over_warps(V value, V* partials) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  __syncthreads();
  if (lane == 0) {
    partials[warp] = value;
  }
  __syncthreads();
  const int num_warps = static_cast<int>(blockDim.x) / kWarpSize;
  const V own = lane < num_warps ? partials[lane] : V(0);
  return {warp_reduce(lane < warp ? own : V(0), Add()), warp_reduce(own, Add())};
}

// A value and where it was found.
struct Found {
  float value;
  int place;
};

// The larger value; of equal ones the lower place.
struct LargerThenFirst {
  __device__ Found operator()(Found a, Found b) const {
    const bool takes_b = b.value > a.value || (b.value == a.value && b.place < a.place);
    return takes_b ? b : a;
  }
};

__device__ inline Found warp_first_largest(Found found) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
    const Found other = {
        __shfl_xor_sync(kWholeWarp, found.value, distance),
        __shfl_xor_sync(kWholeWarp, found.place, distance)};
    found = LargerThenFirst()(found, other);
  }
  return found;
}

} // namespace omni::kernels::cuda
