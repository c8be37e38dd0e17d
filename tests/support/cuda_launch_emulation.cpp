// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/support/cuda_launch_emulation.h"

#include <map>
#include <utility>

#include "tests/support/cuda_launches.h"

namespace omni::testing {
namespace {

constexpr int kSharedUnasked = 48 * 1024;
constexpr int kSharedMost = 227 * 1024; // of sm_90
constexpr unsigned kMostBlocksY = 65535, kMostThreads = 1024;

// What a device keeps from call to call.
struct Runtime {
  cudaError_t last_error = cudaSuccess;
  cudaError_t next_error = cudaSuccess;
  std::map<uintptr_t, int> shared_bytes; // that kernels may have
  std::vector<StartedKernel> started;
};

Runtime& runtime() {
  static Runtime one;
  return one;
}

cudaError_t report(cudaError_t error) {
  runtime().last_error = error;
  return error;
}

} // namespace

std::vector<StartedKernel> take_started_kernels() {
  return std::exchange(runtime().started, {});
}

void fail_next_launch() {
  runtime().next_error = cudaErrorLaunchOutOfResources;
}

bool has_launch_error() {
  return cudaGetLastError() != cudaSuccess;
}

cudaError_t allow_shared_bytes(uintptr_t kernel, int bytes) {
  if (bytes > kSharedMost) {
    return report(cudaErrorInvalidValue);
  }
  runtime().shared_bytes[kernel] = bytes;
  return cudaSuccess;
}

cudaError_t start_emulated(
    const cudaLaunchConfig_t& config,
    uintptr_t kernel,
    const std::function<void()>& thread) {
  const cudaError_t planned = std::exchange(runtime().next_error, cudaSuccess);
  if (planned != cudaSuccess) {
    return report(planned);
  }
  const dim3 blocks = config.gridDim;
  const auto found = runtime().shared_bytes.find(kernel);
  const int shared =
      found == runtime().shared_bytes.end() ? kSharedUnasked : found->second;
  if (blocks.x == 0 || blocks.y == 0 || blocks.y > kMostBlocksY ||
      config.blockDim.x == 0 || config.blockDim.x > kMostThreads) {
    return report(cudaErrorInvalidConfiguration);
  }
  if (config.dynamicSmemBytes > static_cast<size_t>(shared)) {
    return report(cudaErrorInvalidValue);
  }
  runtime().started.push_back({config.stream});
  run_emulated(
      {blocks.x, blocks.y, config.blockDim.x, config.dynamicSmemBytes}, thread);
  return cudaSuccess;
}

} // namespace omni::testing

cudaError_t cudaGetLastError() {
  return std::exchange(omni::testing::runtime().last_error, cudaSuccess);
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorLaunchOutOfResources:
      return "too many resources requested for launch";
  }
  return "unrecognized error code";
}
