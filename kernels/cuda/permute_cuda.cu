// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/permute.cuh"

namespace omni::kernels::cuda {

template <typename I>
void launch_sort_pairs(const SortPairs<I>& args, Stream stream) {
  start("sort_pairs", sort_pairs_launch(args), stream, sort_pairs_kernel<I>, args);
}

template void launch_sort_pairs(const SortPairs<int32_t>&, Stream);
template void launch_sort_pairs(const SortPairs<int64_t>&, Stream);

template <typename T>
void launch_gather_rows(const GatherRows<T>& args, Stream stream) {
  const auto kernel = gather_rows_takes_packs(args)
      ? gather_rows_kernel<kPackSize<T>, T>
      : gather_rows_kernel<1, T>;
  start("gather_rows", gather_rows_launch(args), stream, kernel, args);
}

template void launch_gather_rows(const GatherRows<float>&, Stream);
template void launch_gather_rows(const GatherRows<Bf16>&, Stream);

template <typename T>
void launch_combine_rows(const CombineRows<T>& args, Stream stream) {
  const auto kernel = combine_rows_takes_packs(args)
      ? combine_rows_kernel<kPackSize<T>, T>
      : combine_rows_kernel<1, T>;
  start("combine_rows", combine_rows_launch(args), stream, kernel, args);
}

template void launch_combine_rows(const CombineRows<float>&, Stream);
template void launch_combine_rows(const CombineRows<Bf16>&, Stream);

} // namespace omni::kernels::cuda
