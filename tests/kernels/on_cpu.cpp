// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/kernels/op_table.h"

namespace omni::kernels::testing {

at::Device tested_device() {
  return at::kCPU;
}

} // namespace omni::kernels::testing
