// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the ops reach of a device's bandwidth. Hidden: run by its tag, it prints a
// table. Bytes are those of the inputs, rotary tables among them, and of the results;
// packed weights, some kilobytes that stay in the cache, are none of either.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "kernels/kernels.h"
#include "tests/kernels/op_table.h"
#include "tests/support/catch.h"

namespace omni::kernels::testing {
namespace {

constexpr double kInputBytes = 256e6; // more than the second-level cache holds
// What only reads is a little faster than a copy; more, and bytes are counted wrongly.
constexpr double kMostOfCopy = 1.5;

double bytes_of(const Tensors& tensors) {
  double bytes = 0.0;
  for (const at::Tensor& tensor : tensors) {
    bytes += static_cast<double>(tensor.nbytes());
  }
  return bytes;
}

// Of one call: the best of ten turns of ten.
double seconds_of(const std::function<void()>& call) {
  constexpr int kTurns = 10, kCalls = 10;
  double best = INFINITY;
  call();
  for (int turn = 0; turn < kTurns; ++turn) {
    torch::cuda::synchronize();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) {
      call();
    }
    torch::cuda::synchronize();
    const std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - begin;
    best = std::min(best, spent.count() / kCalls);
  }
  return best;
}

bool has_kernel(const std::string& op) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(("omni::" + op).c_str(), "")
      .hasKernelForDispatchKey(c10::DispatchKey::CUDA);
}

} // namespace

TEST_CASE("bandwidth of the ops beside that of a copy", "[.bandwidth]") {
  const at::Device device = tested_device();
  const at::Tensor from = at::empty(
      {static_cast<int64_t>(kInputBytes)}, at::TensorOptions(device).dtype(at::kByte));
  const at::Tensor to = at::empty_like(from);
  const double copied = 2e-9 * kInputBytes / seconds_of([&] { to.copy_(from); });
  std::printf("%-48s %8.0f GB/s\n", "copy", copied);
  REQUIRE(std::isfinite(copied));
  for (const OpCase& op_case : op_table()) {
    if (!has_kernel(op_case.op) || !op_case.reads_all) {
      continue;
    }
    constexpr int64_t kSomeRows = 1024;
    const double of_some = bytes_of(op_case.inputs(kSomeRows, at::kBFloat16));
    const auto rows = static_cast<int64_t>(kSomeRows * kInputBytes / of_some);
    Tensors inputs = op_case.inputs(rows, at::kBFloat16);
    for (at::Tensor& input : inputs) {
      input = input.to(device);
    }
    const double bytes = bytes_of(inputs) + bytes_of(op_case.fused(inputs));
    const double reached = 1e-9 * bytes / seconds_of([&] { op_case.fused(inputs); });
    const std::string name = op_case.op + " (" + op_case.variant + ")";
    std::printf(
        "%-48s %8.0f GB/s, %3.0f %% of a copy\n", name.c_str(), reached,
        100.0 * reached / copied);
    CHECK(reached < kMostOfCopy * copied);
  }
}

} // namespace omni::kernels::testing
