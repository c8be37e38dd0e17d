// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#pragma once

struct CUstream_st;

namespace omni::testing {

// The stream on which the ops of tests_kernels_cuda_ops start their kernels.
CUstream_st* emulated_stream();

} // namespace omni::testing
