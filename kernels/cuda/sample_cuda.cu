// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/sample.cuh"

namespace omni::kernels::cuda {

template <typename T>
void launch_sample(const Sample<T>& args, int largest_vocab, Stream stream) {
  start(
      "sample", sample_launch(args, largest_vocab), stream,
      sample_kernel<kSampleCapacity, T>, args);
}

template void launch_sample(const Sample<float>&, int, Stream);
template void launch_sample(const Sample<Bf16>&, int, Stream);

} // namespace omni::kernels::cuda
