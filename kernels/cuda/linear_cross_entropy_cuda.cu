// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/linear_cross_entropy.cuh"

namespace omni::kernels::cuda {

template <typename T>
void launch_cross_entropy(const CrossEntropyRows<T>& args, Stream stream) {
  const auto kernel = cross_entropy_takes_packs(args)
      ? cross_entropy_kernel<kPackSize<T>, T>
      : cross_entropy_kernel<1, T>;
  start("linear_cross_entropy", cross_entropy_launch(args), stream, kernel, args);
}

template void launch_cross_entropy(const CrossEntropyRows<float>&, Stream);
template void launch_cross_entropy(const CrossEntropyRows<Bf16>&, Stream);

} // namespace omni::kernels::cuda
