// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/residual_vq.cuh"

namespace omni::kernels::cuda {

template <typename T>
void launch_residual_vq_encode(const ResidualVq<T>& args, Stream stream) {
  start(
      "residual_vq_encode", residual_vq_encode_launch(args), stream,
      residual_vq_encode_kernel<T>, args);
}

template void launch_residual_vq_encode(const ResidualVq<float>&, Stream);
template void launch_residual_vq_encode(const ResidualVq<Bf16>&, Stream);

template <typename T>
void launch_residual_vq_decode(const ResidualVqDecode<T>& args, Stream stream) {
  start(
      "residual_vq_decode", residual_vq_decode_launch(args), stream,
      residual_vq_decode_kernel<T>, args);
}

template void launch_residual_vq_decode(const ResidualVqDecode<float>&, Stream);
template void launch_residual_vq_decode(const ResidualVqDecode<Bf16>&, Stream);

} // namespace omni::kernels::cuda
