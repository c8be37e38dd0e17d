// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the launchers of cpu/ share: dtypes as C++ types, and how much work makes a
// task.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace omni::kernels::cpu {

// Calls `run` with a value of float32's or bfloat16's C++ type.
template <typename Run>
void for_dtype(at::ScalarType dtype, const Run& run) {
  if (dtype == at::kFloat) {
    run(float());
  } else {
    run(c10::BFloat16());
  }
}

template <typename Run>
void for_dtypes(at::ScalarType first, at::ScalarType second, const Run& run) {
  for_dtype(first, [&]<typename First>(First a) {
    for_dtype(second, [&]<typename Second>(Second b) { run(a, b); });
  });
}

// Entries that make a task: with an exponential, a division or the like for each, and
// where memory is what takes the time.
inline constexpr int64_t kTaskEntries = 8192;
inline constexpr int64_t kPlainTaskEntries = 32768;

// Rows of `width` entries that make a task of `entries` entries, at least one.
inline int64_t rows_per_task(int64_t width, int64_t entries) {
  return std::max<int64_t>(1, entries / std::max<int64_t>(1, width));
}

// With its last axis dense.
inline at::Tensor with_dense_rows(const at::Tensor& tensor) {
  return tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
}

// A norm's weight as it is used: float32, contiguous, offset added.
inline at::Tensor used_weight(const at::Tensor& weight, double offset) {
  const at::Tensor copy = weight.to(at::kFloat).contiguous();
  return offset == 0.0 ? copy : copy + offset;
}

} // namespace omni::kernels::cpu
