// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A DeviceGraph without a device: what torch's operators were called with while it was
// recorded is called again, with the very same numbers and tensors, results written
// over those of the recording. As on a device, nothing that the host computed is done
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "kernels/device_graph.h"

namespace omni::testing {

// What all graphs made by one RecordedCalls did.
struct RecordingCounts {
  int64_t recordings = 0;
  int64_t replays = 0;
  size_t calls = 0; // of the last recording
};

// While this lives, the CPU's graphs are such.
class RecordedCalls {
 public:
  RecordedCalls();
  ~RecordedCalls();
  RecordedCalls(const RecordedCalls&) = delete;
  RecordedCalls& operator=(const RecordedCalls&) = delete;

  [[nodiscard]] const RecordingCounts& counts() const {
    return *counts_;
  }

 private:
  std::shared_ptr<RecordingCounts> counts_ = std::make_shared<RecordingCounts>();
  kernels::MakeDeviceGraph before_;
};

// The operators that `call` calls, those that others call within among them.
std::set<std::string> called_operators(const std::function<void()>& call);

// Those of them for whose results a host waits.
std::set<std::string> waiting_operators(const std::function<void()>& call);

} // namespace omni::testing
