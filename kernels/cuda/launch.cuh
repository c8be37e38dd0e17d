// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Starts kernels: the one place that calls the CUDA runtime. Compiled by nvcc, or by
// the host compiler after tests/support/cuda_launch_emulation.h.
#pragma once

#include <stdexcept>
#include <string>
#include <type_traits>

#include "kernels/cuda/cuda_types.cuh"

namespace omni::kernels::cuda {

// More than these no device takes.
inline constexpr int64_t kMostBlocksX = 2147483647;
inline constexpr int64_t kMostBlocksY = 65535;
// More shared memory has to be asked for.
inline constexpr size_t kSharedBytesUnasked = 48 * 1024;

inline void check_blocks(const char* kernel, int64_t blocks, int64_t most) {
  if (blocks < 0 || blocks > most) {
    throw std::runtime_error(
        "[kernels] expected at most " + std::to_string(most) + " blocks of " + kernel +
        ", got " + std::to_string(blocks) + ". Give it fewer rows at once.");
  }
}

inline void check_started(const char* kernel, cudaError_t error) {
  if (error != cudaSuccess) {
    cudaGetLastError(); // or the next call that looks would report it again
    throw std::runtime_error(
        std::string("[kernels] expected CUDA to start ") + kernel + ", got \"" +
        cudaGetErrorString(error) + "\".");
  }
}

// `name` is for messages. Nothing is started where there are no blocks.
template <typename... Args>
void start(
    const char* name,
    const Launch& launch,
    Stream stream,
    void (*kernel)(Args...),
    const std::type_identity_t<Args>&... args) {
  check_blocks(name, launch.blocks_x, kMostBlocksX);
  check_blocks(name, launch.blocks_y, kMostBlocksY);
  if (launch.blocks_x == 0 || launch.blocks_y == 0) {
    return;
  }
  if (launch.shared_bytes > kSharedBytesUnasked) {
    check_started(
        name,
        cudaFuncSetAttribute(
            kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
            static_cast<int>(launch.shared_bytes)));
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(
      static_cast<unsigned>(launch.blocks_x), static_cast<unsigned>(launch.blocks_y));
  config.blockDim = dim3(launch.threads);
  config.dynamicSmemBytes = launch.shared_bytes;
  config.stream = stream;
  check_started(name, cudaLaunchKernelEx(&config, kernel, args...));
}

} // namespace omni::kernels::cuda
