// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Rows of a mixture of experts, sorted by expert and back. sort_pairs: the pair (row,
// k-th expert) goes to places[pair], after all pairs of lower experts and the earlier
// pairs of its own; rows[places[pair]] = pair / k; counts[expert]. gather: out[i] =
// x[rows[i]]. combine: out[row] = sum_k weights[row, k] y[places[row k + k]], in the
// order of k, so that a sum repeats bit for bit.
// Shapes: ids int32 or int64 [L, k]; rows, places int64 [L k]; counts int64 [E]; x, out
// [L, D]; y [L k, D]; a row or a place outside stops the device; weights float32 [L,
// k]. dtypes: x, y and out of T, float32 or bfloat16; sums in float32. A thread block:
// one expert (it reads all ids twice: k is small and L k ids stay in the cache); one
// row. Bytes: 16 L k E through the cache; 2 sizeof(T) D a gathered row; (k + 1)
// sizeof(T) D a combined one.
#pragma once

#include "kernels/cuda/permute_cuda.h"
#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

inline constexpr unsigned kSortThreads = 256;
inline constexpr unsigned kPermuteMostThreads = 256;

template <typename I>
Launch sort_pairs_launch(const SortPairs<I>& args) {
  return {args.num_experts, 1, kSortThreads, kWarpSize * sizeof(int64_t)};
}

template <typename I>
__global__ void sort_pairs_kernel(SortPairs<I> args) {
  int64_t* partials = shared_memory<int64_t>();
  const int64_t expert = blockIdx.x;
  int64_t lower = 0;
  for (int64_t pair = threadIdx.x; pair < args.num_pairs; pair += kSortThreads) {
    lower += args.ids[pair] < expert ? 1 : 0;
  }
  const int64_t begin = block_reduce(lower, int64_t{0}, Add(), partials);
  int64_t next = begin;
  for (int64_t tile = 0; tile < args.num_pairs; tile += kSortThreads) {
    const int64_t pair = tile + threadIdx.x;
    const bool is_own = pair < args.num_pairs && args.ids[pair] == expert;
    const unsigned votes = __ballot_sync(kWholeWarp, is_own ? 1 : 0);
    const unsigned earlier = (1u << (threadIdx.x % kWarpSize)) - 1u;
    const auto sums = sum_over_warps(static_cast<int64_t>(__popc(votes)), partials);
    if (is_own) {
      const int64_t place = next + sums.before + __popc(votes & earlier);
      args.places[pair] = place;
      args.rows[place] = pair / args.experts_per_row;
    }
    next += sums.all;
  }
  if (threadIdx.x == 0) {
    args.counts[expert] = next - begin;
  }
}

template <typename T>
bool gather_rows_takes_packs(const GatherRows<T>& args) {
  return takes_packs<kPackSize<T>>(args.x, args.width) &&
      takes_packs<kPackSize<T>>(args.out, args.width);
}

template <typename T>
Launch gather_rows_launch(const GatherRows<T>& args) {
  const int pack = gather_rows_takes_packs(args) ? kPackSize<T> : 1;
  return {args.num_rows, 1, threads_for(args.width / pack, kPermuteMostThreads), 0};
}

// kPack: kPackSize<T> where gather_rows_takes_packs, else 1.
template <int kPack, typename T>
__global__ void gather_rows_kernel(GatherRows<T> args) {
  const int64_t row = args.rows[blockIdx.x];
  if (row < 0 || row >= args.num_given) {
    __trap();
  }
  const T* from = args.x + row * args.width;
  T* to = args.out + int64_t{blockIdx.x} * args.width;
  for (int i = threadIdx.x * kPack; i < args.width; i += blockDim.x * kPack) {
    store_pack(to + i, load_pack<T, kPack>(from + i));
  }
}

template <typename T>
bool combine_rows_takes_packs(const CombineRows<T>& args) {
  return takes_packs<kPackSize<T>>(args.y, args.width) &&
      takes_packs<kPackSize<T>>(args.out, args.width);
}

template <typename T>
Launch combine_rows_launch(const CombineRows<T>& args) {
  const int pack = combine_rows_takes_packs(args) ? kPackSize<T> : 1;
  return {args.num_rows, 1, threads_for(args.width / pack, kPermuteMostThreads), 0};
}

// kPack: kPackSize<T> where combine_rows_takes_packs, else 1.
template <int kPack, typename T>
__global__ void combine_rows_kernel(CombineRows<T> args) {
  const int64_t first_pair = int64_t{blockIdx.x} * args.experts_per_row;
  T* to = args.out + int64_t{blockIdx.x} * args.width;
  for (int i = threadIdx.x * kPack; i < args.width; i += blockDim.x * kPack) {
    float sum[kPack] = {};
    for (int k = 0; k < args.experts_per_row; ++k) {
      const int64_t place = args.places[first_pair + k];
      if (place < 0 || place >= args.num_rows * args.experts_per_row) {
        __trap();
      }
      const float weight = args.weights[first_pair + k];
      const auto pack = load_pack<T, kPack>(args.y + place * args.width + i);
      for (int j = 0; j < kPack; ++j) {
        sum[j] += weight * to_float(pack.at[j]);
      }
    }
    Pack<T, kPack> out;
    for (int j = 0; j < kPack; ++j) {
      out.at[j] = from_float<T>(sum[j]);
    }
    store_pack(to + i, out);
  }
}

} // namespace omni::kernels::cuda
