// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/initial_values.h"

#include <ATen/core/grad_mode.h>

namespace omni {
namespace {

thread_local bool leaves_unset = false;

} // namespace

LeaveUnset::LeaveUnset() : before_(leaves_unset) {
  leaves_unset = true;
}

LeaveUnset::~LeaveUnset() {
  leaves_unset = before_;
}

void fill_normal(const at::Tensor& parameter, double std) {
  if (leaves_unset) {
    return;
  }
  const at::NoGradGuard no_grad;
  parameter.normal_(0.0, std);
}

} // namespace omni
