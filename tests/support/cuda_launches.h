// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the emulated CUDA runtime was asked for, for tests that see nothing else of it.
#pragma once

#include <vector>

struct CUstream_st;

namespace omni::testing {

struct StartedKernel {
  CUstream_st* stream;
};

// All since the last call.
std::vector<StartedKernel> take_started_kernels();

// The next launch reports that resources do not suffice, and does not run.
void fail_next_launch();

// Whether the runtime still holds the error of an earlier launch.
bool has_launch_error();

} // namespace omni::testing
