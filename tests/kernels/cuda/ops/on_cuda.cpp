// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include <c10/util/Exception.h>

#include "kernels/load_cuda.h"
#include "tests/kernels/op_table.h"

namespace omni::kernels::testing {

at::Device tested_device() {
  TORCH_CHECK(load_cuda_ops(), "[tests] ", why_no_cuda_ops(), ".");
  return at::kCUDA;
}

} // namespace omni::kernels::testing
