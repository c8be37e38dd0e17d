// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/splice_rows.cuh"

namespace omni::kernels::cuda {

template <typename T, typename S>
void launch_splice_rows(const SpliceRows<T, S>& args, Stream stream) {
  const auto kernel = splice_rows_takes_packs(args)
      ? splice_rows_kernel<kSplicePack<T, S>, T, S>
      : splice_rows_kernel<1, T, S>;
  start("splice_rows", splice_rows_launch(args), stream, kernel, args);
}

template void launch_splice_rows(const SpliceRows<float, float>&, Stream);
template void launch_splice_rows(const SpliceRows<Bf16, Bf16>&, Stream);
template void launch_splice_rows(const SpliceRows<Bf16, float>&, Stream);

} // namespace omni::kernels::cuda
