// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/packed_panels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/cpu/half_float.h"

namespace omni::kernels::cpu {
namespace {

using Group = std::array<float, kGroupColumns>;

// A row's entries from a column on, zeros behind its end.
Group group_of(const float* row, int64_t first, int64_t num_columns) {
  Group group{};
  const int64_t count = std::min(kGroupColumns, num_columns - first);
  for (int64_t i = 0; i < count; ++i) {
    group[static_cast<size_t>(i)] = row[first + i];
  }
  return group;
}

constexpr float kLargestInt4Scale = 64512.0f; // 2^15 (1 + 31 / 32)

struct Int4Group {
  uint16_t grid = 0;
  std::array<uint8_t, kGroupColumns> codes{};
  float squared_error = INFINITY;
};

// A grid of the nearest scale and zero 0.
uint16_t int4_grid(float scale) {
  const uint16_t bits = float16_of(std::min(scale, kLargestInt4Scale));
  constexpr int kHalf = 16; // of what the last bit that is kept is worth
  return static_cast<uint16_t>(((bits + kHalf) & kInt4ScaleBits) << 1);
}

float int4_scale(uint16_t grid) {
  return float_of_float16(int4_scale_bits(grid));
}

float int4_zero(uint16_t grid) {
  return static_cast<float>(grid & kInt4ZeroBits) / 4.0f;
}

// The codes that serve a group best when `low` becomes 0 and `high` 15.
Int4Group int4_group(const Group& group, float low, float high) {
  Int4Group result;
  result.grid = int4_grid((high - low) / 15.0f);
  const float scale = int4_scale(result.grid);
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  result.grid |= static_cast<uint16_t>(
      std::clamp(std::nearbyint(-low * inverse * 4.0f), 0.0f, 60.0f));
  const float zero = int4_zero(result.grid);
  float error = 0.0f;
  for (size_t i = 0; i < group.size(); ++i) {
    const float code =
        std::clamp(std::nearbyint(group[i] * inverse + zero), 0.0f, 15.0f);
    const float difference = scale * (code - zero) - group[i];
    result.codes[i] = static_cast<uint8_t>(code);
    error += difference * difference;
  }
  result.squared_error = error;
  return result;
}

// Note [Ends of a 4-bit group]
// The range of a group, with 0 in it, cut by up to a fifth at either end: what lies
// outside becomes the end, the rest is told apart more finely. The whole range is tried
// first, and kept where nothing is better.
Int4Group best_int4_group(const Group& group) {
  const auto [least, most] = std::minmax_element(group.begin(), group.end());
  const float low = std::min(*least, 0.0f), high = std::max(*most, 0.0f);
  Int4Group best = int4_group(group, low, high);
  for (const float low_share : {1.0f, 0.95f, 0.9f, 0.85f, 0.8f}) {
    for (const float high_share : {1.0f, 0.95f, 0.9f, 0.85f, 0.8f}) {
      const Int4Group other = int4_group(group, low * low_share, high * high_share);
      if (other.squared_error < best.squared_error) {
        best = other;
      }
    }
  }
  return best;
}

void pack_int4_row(
    const float* row,
    int64_t lane,
    int64_t num_columns,
    uint8_t* panel) {
  for (int64_t g = 0; g < num_groups(num_columns); ++g) {
    const Int4Group group =
        best_int4_group(group_of(row, g * kGroupColumns, num_columns));
    uint8_t* at = panel + g * kInt4Group;
    std::memcpy(at + lane * 2, &group.grid, 2);
    uint8_t* codes = at + kInt4Codes;
    for (size_t i = 0; i < group.codes.size(); ++i) {
      const size_t chunk = i / 8, byte = i % 4;
      const bool is_high = i % 8 >= 4;
      uint8_t& both = codes[chunk * 64 + static_cast<size_t>(lane) * 4 + byte];
      both =
          is_high ? static_cast<uint8_t>(both | group.codes[i] << 4) : group.codes[i];
    }
  }
}

void pack_int8_row(
    const float* row,
    int64_t lane,
    int64_t num_columns,
    uint8_t* panel) {
  for (int64_t g = 0; g < num_groups(num_columns); ++g) {
    const Group group = group_of(row, g * kGroupColumns, num_columns);
    float largest = 0.0f;
    for (const float entry : group) {
      largest = std::max(largest, std::abs(entry));
    }
    const uint16_t bits = bfloat16_of(largest / 127.0f);
    const float scale = float_of_bfloat16(bits);
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    uint8_t* at = panel + g * kInt8Group;
    std::memcpy(at + lane * 2, &bits, 2);
    for (size_t i = 0; i < group.size(); ++i) {
      const float code =
          std::clamp(std::nearbyint(group[i] * inverse), -127.0f, 127.0f);
      at[kInt8Codes + lane * 4 + static_cast<int64_t>(i / 4 * 64 + i % 4)] =
          static_cast<uint8_t>(128 + static_cast<int>(code));
    }
  }
}

} // namespace

void pack_panel(
    WeightFormat format,
    const float* rows,
    int64_t row_stride,
    int64_t num_rows,
    int64_t num_columns,
    std::byte* panel) {
  auto* bytes = reinterpret_cast<uint8_t*>(panel);
  std::memset(panel, 0, static_cast<size_t>(panel_bytes(format, num_columns)));
  for (int64_t lane = 0; lane < num_rows; ++lane) {
    const float* row = rows + lane * row_stride;
    switch (format) {
      case WeightFormat::Bfloat16:
        for (int64_t i = 0; i < num_columns; ++i) {
          const uint16_t bits = bfloat16_of(row[i]);
          std::memcpy(bytes + (i / 2 * 32 + lane * 2 + i % 2) * 2, &bits, 2);
        }
        break;
      case WeightFormat::Int8:
        pack_int8_row(row, lane, num_columns, bytes);
        break;
      case WeightFormat::Int4:
        pack_int4_row(row, lane, num_columns, bytes);
        break;
    }
  }
}

namespace {

float bfloat16_entry(const uint8_t* panel, int64_t lane, int64_t column) {
  uint16_t bits = 0;
  std::memcpy(&bits, panel + (column / 2 * 32 + lane * 2 + column % 2) * 2, 2);
  return float_of_bfloat16(bits);
}

float int8_entry(const uint8_t* panel, int64_t lane, int64_t column) {
  const uint8_t* group = panel + column / kGroupColumns * kInt8Group;
  uint16_t scale = 0;
  std::memcpy(&scale, group + lane * 2, 2);
  const int64_t chunk = column % kGroupColumns / 4;
  const int code = group[kInt8Codes + chunk * 64 + lane * 4 + column % 4];
  return float_of_bfloat16(scale) * static_cast<float>(code - 128);
}

float int4_entry(const uint8_t* panel, int64_t lane, int64_t column) {
  const uint8_t* group = panel + column / kGroupColumns * kInt4Group;
  uint16_t grid = 0;
  std::memcpy(&grid, group + lane * 2, 2);
  const int64_t chunk = column % kGroupColumns / 8;
  const uint8_t both = group[kInt4Codes + chunk * 64 + lane * 4 + column % 4];
  const int code = column % 8 >= 4 ? both >> 4 : both & 15;
  return int4_scale(grid) * (static_cast<float>(code) - int4_zero(grid));
}

} // namespace

void unpack_panel(
    WeightFormat format,
    const std::byte* panel,
    int64_t num_rows,
    int64_t num_columns,
    float* rows,
    int64_t row_stride) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(panel);
  for (int64_t lane = 0; lane < num_rows; ++lane) {
    for (int64_t i = 0; i < num_columns; ++i) {
      rows[lane * row_stride + i] = format == WeightFormat::Bfloat16
          ? bfloat16_entry(bytes, lane, i)
          : format == WeightFormat::Int8 ? int8_entry(bytes, lane, i)
                                         : int4_entry(bytes, lane, i);
    }
  }
}

} // namespace omni::kernels::cpu
