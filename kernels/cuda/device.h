// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Where the kernels of an op run: on the device of its tensors, on that device's
// current stream.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include <initializer_list>

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// The device is current while this lives.
class OnDevice {
 public:
  // Throws ValueError unless all tensors are on the first one's device. Undefined ones
  // do not count.
  OnDevice(const char* op, std::initializer_list<at::Tensor> tensors);

  [[nodiscard]] Stream stream() const {
    return stream_;
  }

 private:
  c10::DeviceGuard guard_;
  Stream stream_;
};

// Of a CUDA device.
Stream current_stream(at::Device device);

} // namespace omni::kernels::cuda
