// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/device_graph.h"

#include <map>
#include <mutex>
#include <utility>

#include "kernels/load_cuda.h"

namespace omni::kernels {
namespace {

struct RegisteredGraphs {
  std::mutex mutex;
  std::map<c10::DeviceType, MakeDeviceGraph> makers;
};

RegisteredGraphs& registered_graphs() {
  static RegisteredGraphs one;
  return one;
}

} // namespace

MakeDeviceGraph register_device_graph(c10::DeviceType type, MakeDeviceGraph make) {
  RegisteredGraphs& registered = registered_graphs();
  const std::lock_guard lock(registered.mutex);
  return std::exchange(registered.makers[type], std::move(make));
}

std::unique_ptr<DeviceGraph> make_device_graph(at::Device device) {
  if (device.is_cuda()) {
    load_cuda_ops(); // which registers theirs
  }
  MakeDeviceGraph make;
  {
    RegisteredGraphs& registered = registered_graphs();
    const std::lock_guard lock(registered.mutex);
    make = registered.makers[device.type()];
  }
  return make ? make(device) : nullptr;
}

} // namespace omni::kernels
