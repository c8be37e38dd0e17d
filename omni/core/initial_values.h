// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The random numbers that learnt parameters begin with. A model that is built to be
// loaded leaves them out: drawing them would take longer than reading the file.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni {

// While one lives, fill_normal() of this thread leaves parameters as memory came.
class LeaveUnset {
 public:
  LeaveUnset();
  ~LeaveUnset();
  LeaveUnset(const LeaveUnset&) = delete;
  LeaveUnset& operator=(const LeaveUnset&) = delete;

 private:
  bool before_;
};

// Normal numbers of mean 0 and deviation `std`, from LibTorch's default generator.
void fill_normal(const at::Tensor& parameter, double std);

} // namespace omni
