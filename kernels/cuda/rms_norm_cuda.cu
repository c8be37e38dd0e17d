// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rms_norm.cuh"
#include "kernels/cuda/rms_norm_backward.cuh"

namespace omni::kernels::cuda {

template <typename T, typename S, typename W>
void launch_rms_norm(const RmsNorm<T, S, W>& args, Stream stream) {
  const auto kernel = rms_norm_takes_packs(args)
      ? rms_norm_kernel<kPackSize<T>, T, S, W>
      : rms_norm_kernel<1, T, S, W>;
  start("rms_norm", rms_norm_launch(args), stream, kernel, args);
}

template void launch_rms_norm(const RmsNorm<float, float, float>&, Stream);
template void launch_rms_norm(const RmsNorm<float, Bf16, float>&, Stream);
template void launch_rms_norm(const RmsNorm<Bf16, float, float>&, Stream);
template void launch_rms_norm(const RmsNorm<Bf16, Bf16, float>&, Stream);
template void launch_rms_norm(const RmsNorm<Bf16, Bf16, Bf16>&, Stream);

template <typename T, typename S>
void launch_rms_norm_backward(const RmsNormBackward<T, S>& args, Stream stream) {
  const auto kernel = rms_norm_backward_takes_packs(args)
      ? rms_norm_backward_kernel<kPackSize<T>, T, S>
      : rms_norm_backward_kernel<1, T, S>;
  start("rms_norm_backward", rms_norm_backward_launch(args), stream, kernel, args);
}

template void launch_rms_norm_backward(const RmsNormBackward<float, float>&, Stream);
template void launch_rms_norm_backward(const RmsNormBackward<float, Bf16>&, Stream);
template void launch_rms_norm_backward(const RmsNormBackward<Bf16, float>&, Stream);
template void launch_rms_norm_backward(const RmsNormBackward<Bf16, Bf16>&, Stream);

} // namespace omni::kernels::cuda
