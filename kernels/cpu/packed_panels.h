// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The memory of a packed weight [O, I]: panels of 16 rows, one behind the other, which
// a product reads once from front to back. Rows are padded to 16 and columns to 32 with
// entries that stand for 0. No torch.
//
// | format   | a panel, its columns in order from front to back              |
// |----------|--------------------------------------------------------------|
// | Bfloat16 | [I / 2][16][2] bfloat16                                      |
// | Int8     | for each 32 columns: scales bfloat16 [16], codes [8][16][4]  |
// |          | uint8; w = scale (code - 128)                                |
// | Int4     | for each 32 columns: grids uint16 [16], codes [4][16][4]     |
// |          | bytes, the low half of byte b column b, the high half column |
// |          | b + 4; w = scale (code - zero)                               |
//
// An Int4 grid holds a zero in quarters in its 6 low bits and, above them, a scale: a
// float16 without its sign and the last 5 bits. So ranges of a group below 1e-4 are
// coarse, and below 1.4e-5 all is zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/weight_format.h"

namespace omni::kernels::cpu {

inline constexpr int64_t kPanelRows = 16;
inline constexpr int64_t kGroupColumns = 32;

struct PackedMatrix {
  WeightFormat format = WeightFormat::Bfloat16;
  int64_t num_rows = 0; // O
  int64_t num_columns = 0; // I
  const std::byte* panels = nullptr;
  int64_t panel_step = 0; // bytes from one to the next; 0: panel_bytes()
};

constexpr int64_t round_up(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

constexpr int64_t padded_columns(int64_t num_columns) {
  return round_up(num_columns, kGroupColumns);
}

constexpr int64_t num_groups(int64_t num_columns) {
  return padded_columns(num_columns) / kGroupColumns;
}

constexpr int64_t num_panels(int64_t num_rows) {
  return (num_rows + kPanelRows - 1) / kPanelRows;
}

// The parts of a group of an Int4 and of an Int8 panel, in bytes. They lie side by side
// so that a panel is one stream: apart, each cost the wait for a line that nobody
// foresaw (5.4 ms for a row times 106 M entries on one Zen 5 core, 2.1 ms side by
// side).
inline constexpr int64_t kInt4Codes = kPanelRows * 2;
inline constexpr int64_t kInt4Group = kInt4Codes + kPanelRows * kGroupColumns / 2;

inline constexpr uint16_t kInt4ZeroBits = 0x3F;
inline constexpr uint16_t kInt4ScaleBits = 0x7FE0; // of a float16

// The scale of an Int4 grid as the bits of a float16.
constexpr uint16_t int4_scale_bits(uint16_t grid) {
  return static_cast<uint16_t>(grid >> 1 & kInt4ScaleBits);
}

inline constexpr int64_t kInt8Codes = kPanelRows * 2;
inline constexpr int64_t kInt8Group = kInt8Codes + kPanelRows * kGroupColumns;

constexpr int64_t panel_bytes(WeightFormat format, int64_t num_columns) {
  switch (format) {
    case WeightFormat::Bfloat16:
      return kPanelRows * padded_columns(num_columns) * 2;
    case WeightFormat::Int8:
      return round_up(num_groups(num_columns) * kInt8Group, 64);
    case WeightFormat::Int4:
      return round_up(num_groups(num_columns) * kInt4Group, 64);
  }
  return 0;
}

inline int64_t step_of(const PackedMatrix& weight) {
  return weight.panel_step > 0 ? weight.panel_step
                               : panel_bytes(weight.format, weight.num_columns);
}

// Writes one panel: `num_rows` rows (at most 16) of float32 entries, `row_stride`
// entries apart. Scales and zeros are chosen for the least squared error.
void pack_panel(
    WeightFormat format,
    const float* rows,
    int64_t row_stride,
    int64_t num_rows,
    int64_t num_columns,
    std::byte* panel);

// The entries that a panel stands for, as rows again.
void unpack_panel(
    WeightFormat format,
    const std::byte* panel,
    int64_t num_rows,
    int64_t num_columns,
    float* rows,
    int64_t row_stride);

} // namespace omni::kernels::cpu
