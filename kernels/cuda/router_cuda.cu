// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/router.cuh"

namespace omni::kernels::cuda {

static_assert(kRouterRows * kRouterMostFloats * sizeof(float) <= kMostSharedBytes);

void launch_router(bool is_softmax, const Router& args, Stream stream) {
  const auto kernel = is_softmax ? router_kernel<true> : router_kernel<false>;
  start("route_experts", router_launch(args), stream, kernel, args);
}

} // namespace omni::kernels::cuda
