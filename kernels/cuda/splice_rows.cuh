// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// hidden[indices[r]] = rows[r]. Shapes: hidden [N, D], changed in place; rows [R, D];
// indices int64 [R], distinct and in [0, N): one outside stops the device, as in ATen.
// dtypes: hidden of T, rows of S, each float32 or bfloat16; nothing is accumulated.
// A thread block: one row. Bytes an entry: sizeof(S) + sizeof(T).
#pragma once

#include "kernels/cuda/cuda_types.cuh"
#include "kernels/cuda/splice_rows_cuda.h"

namespace omni::kernels::cuda {

inline constexpr unsigned kSpliceMostThreads = 256;

// The narrower of the two decides how many entries go together.
template <typename T, typename S>
inline constexpr int kSplicePack =
    kPackSize<T> < kPackSize<S> ? kPackSize<T> : kPackSize<S>;

template <typename T, typename S>
bool splice_rows_takes_packs(const SpliceRows<T, S>& args) {
  constexpr int kPack = kSplicePack<T, S>;
  return takes_packs<kPack>(args.hidden, args.width) &&
      takes_packs<kPack>(args.rows, args.width);
}

template <typename T, typename S>
Launch splice_rows_launch(const SpliceRows<T, S>& args) {
  const int pack = splice_rows_takes_packs(args) ? kSplicePack<T, S> : 1;
  return {args.num_rows, 1, threads_for(args.width / pack, kSpliceMostThreads), 0};
}

// kPack: kSplicePack<T, S> where splice_rows_takes_packs, else 1.
template <int kPack, typename T, typename S>
__global__ void splice_rows_kernel(SpliceRows<T, S> args) {
  const S* from = args.rows + static_cast<int64_t>(blockIdx.x) * args.width;
  const int64_t slot = args.indices[blockIdx.x];
  if (slot < 0 || slot >= args.num_slots) {
    __trap();
  }
  T* to = args.hidden + slot * args.width;
  for (int i = threadIdx.x * kPack; i < args.width; i += blockDim.x * kPack) {
    const auto pack = load_pack<S, kPack>(from + i);
    Pack<T, kPack> converted;
    for (int j = 0; j < kPack; ++j) {
      converted.at[j] = from_float<T>(to_float(pack.at[j]));
    }
    store_pack(to + i, converted);
  }
}

} // namespace omni::kernels::cuda
