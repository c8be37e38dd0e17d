// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/qk_norm_rope.cuh"
#include "kernels/cuda/qk_norm_rope_backward.cuh"

namespace omni::kernels::cuda {

template <typename T, typename W>
void launch_qk_norm_rope(
    bool is_interleaved,
    const QkNormRope<T, W>& args,
    Stream stream) {
  const auto kernel = is_interleaved ? qk_norm_rope_kernel<true, T, W>
                                     : qk_norm_rope_kernel<false, T, W>;
  start("qk_norm_rope", qk_norm_rope_launch(args), stream, kernel, args);
}

template void launch_qk_norm_rope(bool, const QkNormRope<float, float>&, Stream);
template void launch_qk_norm_rope(bool, const QkNormRope<Bf16, Bf16>&, Stream);
template void launch_qk_norm_rope(bool, const QkNormRope<Bf16, float>&, Stream);

template <typename T>
void launch_qk_norm_rope_backward(
    bool is_interleaved,
    const QkNormRopeBackward<T>& args,
    Stream stream) {
  const auto kernel = is_interleaved ? qk_norm_rope_backward_kernel<true, T>
                                     : qk_norm_rope_backward_kernel<false, T>;
  start(
      "qk_norm_rope_backward", qk_norm_rope_backward_launch(args), stream, kernel,
      args);
}

template void
launch_qk_norm_rope_backward(bool, const QkNormRopeBackward<float>&, Stream);
template void
launch_qk_norm_rope_backward(bool, const QkNormRopeBackward<Bf16>&, Stream);

} // namespace omni::kernels::cuda
