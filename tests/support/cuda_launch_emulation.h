// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The part of the CUDA runtime that kernels/cuda/launch.cuh uses, for the host
// compiler: include this first, then a launcher. A launch is refused where a device
// refuses it, else it is over when the call returns. See cuda_launches.h.
#pragma once

#include "tests/support/cuda_emulation.h"

using cudaStream_t = struct CUstream_st*;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorLaunchOutOfResources = 701
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };

struct dim3 {
  dim3(unsigned x_in = 1, unsigned y_in = 1) : x(x_in), y(y_in) {}
  unsigned x, y;
};

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

// The last error, which it forgets.
cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t error);

namespace omni::testing {

// `kernel` is any number that tells it from others.
cudaError_t start_emulated(
    const cudaLaunchConfig_t& config,
    uintptr_t kernel,
    const std::function<void()>& thread);
cudaError_t allow_shared_bytes(uintptr_t kernel, int bytes);

} // namespace omni::testing

template <typename... Args>
cudaError_t cudaFuncSetAttribute(
    void (*kernel)(Args...),
    cudaFuncAttribute /*attribute*/,
    int bytes) {
  return omni::testing::allow_shared_bytes(reinterpret_cast<uintptr_t>(kernel), bytes);
}

template <typename... Args>
cudaError_t cudaLaunchKernelEx(
    const cudaLaunchConfig_t* config,
    void (*kernel)(Args...),
    const Args&... args) {
  return omni::testing::start_emulated(
      *config, reinterpret_cast<uintptr_t>(kernel), [&] { kernel(args...); });
}
