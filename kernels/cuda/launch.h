// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What host code knows of the CUDA kernels: with neither a Torch nor a CUDA header, so
// that the ops (<op>_cuda.cpp, by the host compiler) and the launchers (<op>_cuda.cu,
// by nvcc) share the arguments of a kernel and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

struct __nv_bfloat16; // of cuda_bf16.h
struct CUstream_st; // of cuda_runtime_api.h

namespace omni::kernels::cuda {

using Bf16 = __nv_bfloat16;
using Stream = CUstream_st*;

// How a kernel is started. No blocks: there is nothing to do, and a launch would be
// refused. The counts are as wide as what they are made of: start() checks them.
struct Launch {
  int64_t blocks_x = 0;
  int64_t blocks_y = 1;
  unsigned threads = 0; // a block, a multiple of 32
  size_t shared_bytes = 0; // a block
};

// The shared memory that a block may ask for on every device from sm_80 on, with room
// for a second block beside it where the device has 227 KiB.
inline constexpr size_t kMostSharedBytes = 96 * 1024;

} // namespace omni::kernels::cuda
