// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cuda/device.h"

namespace omni::kernels::cuda {
namespace {

at::Device only_device(const char* op, std::initializer_list<at::Tensor> tensors) {
  const at::Device device = tensors.begin()->device();
  for (const at::Tensor& tensor : tensors) {
    TORCH_CHECK_VALUE(
        !tensor.defined() || tensor.device() == device, "[", op,
        "] expected all tensors on ", device, ", got one on ", tensor.device(), ".");
  }
  return device;
}

} // namespace

OnDevice::OnDevice(const char* op, std::initializer_list<at::Tensor> tensors)
    : guard_(only_device(op, tensors)),
      stream_(current_stream(guard_.current_device())) {}

} // namespace omni::kernels::cuda
