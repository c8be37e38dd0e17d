// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/device_graph.h"

#include "kernels/load_cuda.h"
#include "tests/support/catch.h"

namespace omni::kernels {
namespace {

struct NoGraph : DeviceGraph {
  void record(const std::function<void()>& work) override {
    work();
  }
  void replay() override {}
};

} // namespace

TEST_CASE("a device has graphs once they are registered for its type") {
  CHECK(make_device_graph(at::kCPU) == nullptr);
  at::Device made_for = at::kMeta;
  const MakeDeviceGraph before =
      register_device_graph(c10::DeviceType::CPU, [&](at::Device device) {
        made_for = device;
        return std::make_unique<NoGraph>();
      });
  CHECK_FALSE(before);
  CHECK(make_device_graph(at::Device(at::kCPU, 0)) != nullptr);
  CHECK(made_for == at::Device(at::kCPU, 0));
  CHECK(make_device_graph(at::kMeta) == nullptr);
  const MakeDeviceGraph registered =
      register_device_graph(c10::DeviceType::CPU, before);
  CHECK(registered);
  CHECK(make_device_graph(at::kCPU) == nullptr);
}

TEST_CASE("CUDA graphs come with the CUDA ops, and there are none without") {
  const auto graph = make_device_graph(at::Device(at::kCUDA, 0));
  if (load_cuda_ops()) {
    CHECK(graph != nullptr);
  } else {
    CHECK(graph == nullptr);
    CHECK_FALSE(why_no_cuda_ops().empty());
  }
}

} // namespace omni::kernels
