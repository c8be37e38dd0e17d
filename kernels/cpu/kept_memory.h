// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Memory of results that is kept when they are freed and given to the next ones. A pass
// over many rows makes some ten megabytes of results a layer; from malloc, each may
// come on fresh pages, which the kernel has to map and clear. At most 256 MiB are kept.
#pragma once

#include <ATen/core/Tensor.h>

namespace omni::kernels::cpu {

// As at::empty(sizes, options) of a CPU tensor.
[[nodiscard]] at::Tensor empty(at::IntArrayRef sizes, const at::TensorOptions& options);

} // namespace omni::kernels::cpu
