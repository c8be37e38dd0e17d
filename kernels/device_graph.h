// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Work on a device that is recorded once and then replayed as a whole: at the same
// addresses, with whatever stands there by then. What the host computes while it
// records is not done again. A CUDA graph on CUDA, from the library of load_cuda.h;
// other devices have none unless one is registered.
#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace omni::kernels {

class DeviceGraph {
 public:
  DeviceGraph() = default;
  virtual ~DeviceGraph() = default;
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  // Runs `work` some times, the last of them to record what it does on the device's
  // current stream, in place of what was recorded before. It must do the same every
  // time, wait for nothing, and not move what it reads and writes. After an error
  // nothing is recorded.
  virtual void record(const std::function<void()>& work) = 0;
  // On the device's current stream, without waiting. Only after record().
  virtual void replay() = 0;
};

using MakeDeviceGraph = std::function<std::unique_ptr<DeviceGraph>(at::Device)>;

// For all devices of a type, in place of what was registered before, which is returned;
// empty: they have none. Thread-safe.
MakeDeviceGraph register_device_graph(c10::DeviceType type, MakeDeviceGraph make);

// Null where the device has none. Loads the CUDA ops for a CUDA device. Thread-safe.
std::unique_ptr<DeviceGraph> make_device_graph(at::Device device);

} // namespace omni::kernels
