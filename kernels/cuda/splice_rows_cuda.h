// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of splice_rows.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

template <typename T, typename S>
struct SpliceRows {
  T* hidden = nullptr;
  const S* rows = nullptr;
  const int64_t* indices = nullptr;
  int64_t num_rows = 0; // R
  int64_t num_slots = 0; // N
  int width = 0; // D
};

// (T, S) one of (float, float), (Bf16, Bf16) and (Bf16, float).
template <typename T, typename S>
void launch_splice_rows(const SpliceRows<T, S>& args, Stream stream);

} // namespace omni::kernels::cuda
