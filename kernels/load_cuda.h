// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The CUDA ops are a library of their own, libomni_kernels_cuda.so beside this one:
// linked into everything, torch's CUDA libraries would slow down every start.
#pragma once

#include <string>

namespace omni::kernels {

// Loads the library, the first time; every op with a CUDA kernel has it from then on.
// False where that cannot be: then CUDA tensors take the reference, by ATen.
// Thread-safe.
bool load_cuda_ops();

// In one sentence; empty where they are loaded.
const std::string& why_no_cuda_ops();

} // namespace omni::kernels
