// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of packed_linear.cuh, and where the parts of a panel lie: as
// kernels/cpu/packed_panels.h says, against which packed_linear_cuda.cpp holds them.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

enum class PackedFormat { Bfloat16, Int8, Int4 };

inline constexpr int kPanelRows = 16;
inline constexpr int kGroupColumns = 32;
inline constexpr int kBfloat16Group = kPanelRows * kGroupColumns * 2;
inline constexpr int kInt8Codes = kPanelRows * 2;
inline constexpr int kInt8Group = kInt8Codes + kPanelRows * kGroupColumns;
inline constexpr int kInt4Codes = kPanelRows * 2;
inline constexpr int kInt4Group = kInt4Codes + kPanelRows * kGroupColumns / 2;
inline constexpr int kInt4ZeroBits = 0x3F; // of a grid, in quarters
inline constexpr int kInt4ScaleBits = 0x7FE0; // of a float16: a grid's half

// Panels must begin at a multiple of so many bytes.
inline constexpr int kPanelAlignment = 16;

template <typename T>
struct PackedLinear {
  const T* x = nullptr; // [N, I]
  const uint8_t* panels = nullptr;
  const T* bias = nullptr; // [O], or null: none
  T* out = nullptr; // [N, O]
  int64_t num_rows = 0; // N
  int64_t num_outputs = 0; // O
  int64_t num_inputs = 0; // I
  int64_t panel_bytes = 0;
};

// The weight itself, or as much of it as these panels hold.
template <typename T>
struct UnpackPanels {
  const uint8_t* panels = nullptr;
  T* out = nullptr; // [O, I]
  int64_t num_outputs = 0; // O
  int64_t num_inputs = 0; // I
  int64_t panel_bytes = 0;
};

// T float or Bf16.
template <typename T>
void launch_packed_linear(
    PackedFormat format,
    const PackedLinear<T>& args,
    Stream stream);
template <typename T>
void launch_unpack_panels(
    PackedFormat format,
    const UnpackPanels<T>& args,
    Stream stream);

} // namespace omni::kernels::cuda
