// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A file of its own, because tests that have no device bring another one.
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "kernels/cuda/device.h"

namespace omni::kernels::cuda {

// By way of c10: so that no CUDA header is needed here.
Stream current_stream(at::Device device) {
  const c10::impl::VirtualGuardImpl devices(device.type());
  return static_cast<Stream>(devices.getStream(device).native_handle());
}

} // namespace omni::kernels::cuda
