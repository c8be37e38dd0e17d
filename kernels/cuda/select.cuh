// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Where a sorted list would be cut, without sorting: the score of the k-th largest
// entry, or of the last entry of a nucleus. A block works on one list of float32
// scores. Masses are integers, so every order of addition gives the same sum: a seed
// gives the same ids on every device.
#pragma once

#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

using Mass = unsigned long long;

// Scores in the order of their ids; the list is all of a vocabulary, or what lies near
// its largest.
struct ScoreList {
  const float* scores = nullptr;
  const int* ids = nullptr; // null: entry i is id i
  int size = 0;
};

// Unsigned numbers in the order of the floats. Negative floats are ordered backwards.
__device__ inline unsigned order_key(float score) {
  const auto bits = static_cast<unsigned>(__float_as_int(score));
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Every entry counts one.
struct CountMass {
  __device__ Mass operator()(float /*score*/) const {
    return 1;
  }
};

// An entry's share of the largest one's probability, in units of 2^-44: fewer than 2^19
// entries keep below 2^64.
struct WeightMass {
  float largest = 0.0f;
  float inverse_temperature = 1.0f;
  unsigned least_key = 0; // entries below weigh nothing

  __device__ float weight(float score) const {
    // Not a product where the difference is zero: the inverse may be infinite.
    return score == largest ? 1.0f : expf((score - largest) * inverse_temperature);
  }
  __device__ Mass operator()(float score) const {
    return order_key(score) < least_key
        ? 0
        : static_cast<Mass>(weight(score) * 17592186044416.0f);
  }
};

// Of the entries at or above `key`. By all threads of a block.
template <typename MassOf>
__device__ Mass
mass_from(const ScoreList& list, unsigned key, MassOf mass_of, Mass* partials) {
  Mass sum = 0;
  for (int i = threadIdx.x; i < list.size; i += blockDim.x) {
    const float score = list.scores[i];
    sum += order_key(score) >= key ? mass_of(score) : 0;
  }
  return block_reduce(sum, Mass(0), Add(), partials);
}

struct Cut {
  unsigned key; // of the entries at the edge
  Mass above; // of the entries beyond it
};

// The largest key at or above which lies the mass `wanted`, which is at least 1 and at
// most that at or above `least`; nothing lies above `most`. One pass a bit in which the
// two differ.
template <typename MassOf>
__device__ Cut find_cut(
    const ScoreList& list,
    Mass wanted,
    unsigned least,
    unsigned most,
    MassOf mass_of,
    Mass* partials) {
  Mass above = 0;
  // From `least` on there is enough, from `beyond` on there is not.
  unsigned beyond = most + 1;
  while (beyond - least > 1) {
    const unsigned middle = least + (beyond - least) / 2;
    const Mass mass = mass_from(list, middle, mass_of, partials);
    if (mass >= wanted) {
      least = middle;
    } else {
      beyond = middle;
      above = mass;
    }
  }
  return {least, above};
}

// The entries of a warp: a run of whole tiles of kWarpSize.
struct WarpRun {
  int begin;
  int end;
};
__device__ inline WarpRun run_of_warp(int size) {
  const int num_warps = static_cast<int>(blockDim.x) / kWarpSize;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int length = ceil_div(ceil_div(size, num_warps), kWarpSize) * kWarpSize;
  const int begin = warp * length < size ? warp * length : size;
  return {begin, size - begin < length ? size : begin + length};
}

} // namespace omni::kernels::cuda
