// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/patchify.cuh"

namespace omni::kernels::cuda {

void launch_patchify(const Patchify<float>& args, Stream stream) {
  start("patchify", patchify_launch(args), stream, patchify_kernel<float>, args);
}

} // namespace omni::kernels::cuda
