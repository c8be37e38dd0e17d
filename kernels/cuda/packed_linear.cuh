// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out[n, o] = sum_i x[n, i] w[o, i] + bias[o] for the few rows of decoding, w read from
// panels of 16 rows; and w itself, for products of many rows.
// Shapes: x [N, I], w [O, I] as kernels/cpu/packed_panels.h lays it out, bias [O], out
// [N, O]. dtypes: x, bias and out of T, float32 or bfloat16, x as it is; sums in
// float32, those of a chunk before its scale.
// A chunk is 64 bytes of a panel, 4 of each row: 2, 4 or 8 columns. Four lanes read
// one, each 16 bytes of 4 rows, so that a warp reads 512 bytes side by side.
// A thread block: one panel for kRows rows of x. Bytes a weight: 2, 1.06 or 0.56, read
// once for every kPackedRows rows of x. Unpacking: as many, and sizeof(T) written.
#pragma once

#include "kernels/cuda/packed_linear_cuda.h"
#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

inline constexpr unsigned kPackedThreads = 256;
inline constexpr int kPackedRows = 4; // rows of x at once, where there are several
inline constexpr int kLaneRows = 4; // of a panel, by one lane
inline constexpr int kChunkLanes = kPanelRows / kLaneRows;
inline constexpr int kChunkBytes = kPanelRows * 4;

// What a lane has read: w = scale * level.
template <int kColumns>
struct LaneWeights {
  float levels[kLaneRows][kColumns];
  float scales[kLaneRows];
};

using LaneWords = Pack<uint32_t, kLaneRows>; // of codes, one a row

// Note [Whole numbers without a conversion]
// A float of 2^23 has whole numbers for its last bits, one of 2^19 sixteenths: a code
// put there is a sum with that power, which one exact subtraction takes away. A
// conversion of integers would run at a fraction of that rate.
inline constexpr int kWholes = 0x4b000000; // 2^23
inline constexpr int kSixteenths = 0x49000000; // 2^19

// Of the bits of a float16 that is not negative: its exponent is 112 less than a
// float32 one, which the product sets right.
__device__ inline float float_of_half(uint16_t bits) {
  return __int_as_float(bits << 13) * 0x1p112f;
}

struct Bfloat16Panel {
  static constexpr int kColumns = 2; // of a chunk
  static constexpr int kCodes = 0; // where they begin in a group
  static constexpr int kGroupBytes = kBfloat16Group;

  static __device__ LaneWeights<kColumns>
  read(const uint8_t* /*group*/, int /*part*/, const LaneWords& words) {
    LaneWeights<kColumns> out;
    for (int r = 0; r < kLaneRows; ++r) {
      out.levels[r][0] = __int_as_float(static_cast<int>(words.at[r] << 16));
      out.levels[r][1] = __int_as_float(static_cast<int>(words.at[r] & 0xffff0000u));
      out.scales[r] = 1.0f;
    }
    return out;
  }
};

struct Int8Panel {
  static constexpr int kColumns = 4;
  static constexpr int kCodes = kInt8Codes;
  static constexpr int kGroupBytes = kInt8Group;

  static __device__ LaneWeights<kColumns>
  read(const uint8_t* group, int part, const LaneWords& words) {
    constexpr float kZero = 8388608.0f + 128.0f; // kWholes, and the code of 0
    const auto scales = load_pack<uint16_t, kLaneRows>(
        reinterpret_cast<const uint16_t*>(group) + part * kLaneRows);
    LaneWeights<kColumns> out;
    for (int r = 0; r < kLaneRows; ++r) {
      for (int j = 0; j < kColumns; ++j) {
        const auto code = static_cast<int>(words.at[r] >> (8 * j) & 0xffu);
        out.levels[r][j] = __int_as_float(kWholes | code) - kZero;
      }
      out.scales[r] =
          __int_as_float(static_cast<int>(static_cast<uint32_t>(scales.at[r]) << 16));
    }
    return out;
  }
};

struct Int4Panel {
  static constexpr int kColumns = 8;
  static constexpr int kCodes = kInt4Codes;
  static constexpr int kGroupBytes = kInt4Group;

  static __device__ LaneWeights<kColumns>
  read(const uint8_t* group, int part, const LaneWords& words) {
    const auto grids = load_pack<uint16_t, kLaneRows>(
        reinterpret_cast<const uint16_t*>(group) + part * kLaneRows);
    LaneWeights<kColumns> out;
    for (int r = 0; r < kLaneRows; ++r) {
      const int grid = grids.at[r];
      const float zero = __int_as_float(kSixteenths | (grid & kInt4ZeroBits) << 2);
      for (int b = 0; b < 4; ++b) {
        // Low halves are columns 0 to 3, high ones 4 to 7; a code is 16 sixteenths.
        const uint32_t byte = words.at[r] >> (8 * b);
        const auto low = static_cast<int>(byte << 4 & 0xf0u);
        const auto high = static_cast<int>(byte & 0xf0u);
        out.levels[r][b] = __int_as_float(kSixteenths | low) - zero;
        out.levels[r][b + 4] = __int_as_float(kSixteenths | high) - zero;
      }
      out.scales[r] = float_of_half(static_cast<uint16_t>(grid >> 1 & kInt4ScaleBits));
    }
    return out;
  }
};

// Rows kLaneRows part and on, at the columns of a chunk.
template <typename Panel>
__device__ LaneWeights<Panel::kColumns>
read_chunk(const uint8_t* panel, int64_t chunk, int part) {
  constexpr int kChunks = kGroupColumns / Panel::kColumns; // of a group
  const uint8_t* group = panel + chunk / kChunks * Panel::kGroupBytes;
  const uint8_t* codes = group + Panel::kCodes + chunk % kChunks * kChunkBytes +
      part * static_cast<int>(sizeof(LaneWords));
  return Panel::read(
      group, part,
      load_pack<uint32_t, kLaneRows>(reinterpret_cast<const uint32_t*>(codes)));
}

// Columns from `first` on, zeros behind the end of the row: there a panel's codes may
// stand for anything. kPack: kColumns where no chunk reaches over the end, else 1.
template <int kColumns, int kPack, typename T>
__device__ void load_columns(const T* row, int64_t first, int64_t width, float* x) {
  for (int j = 0; j < kColumns; j += kPack) {
    const bool is_inside = kPack > 1 || first + j < width;
    const auto pack =
        is_inside ? load_pack<T, kPack>(row + first + j) : Pack<T, kPack>();
    for (int k = 0; k < kPack; ++k) {
      x[j + k] = is_inside ? to_float(pack.at[k]) : 0.0f;
    }
  }
}

// Rows of x that a block takes together: one alone is the common case.
inline int packed_rows_together(int64_t num_rows) {
  return num_rows > 1 ? kPackedRows : 1;
}

template <typename Panel, typename T>
bool packed_linear_takes_packs(const PackedLinear<T>& args) {
  return takes_packs<Panel::kColumns>(args.x, args.num_inputs);
}
template <typename Panel, typename T>
bool unpack_panels_takes_packs(const UnpackPanels<T>& args) {
  return takes_packs<Panel::kColumns>(args.out, args.num_inputs);
}

template <typename Panel, typename T>
Launch packed_linear_launch(const PackedLinear<T>& args) {
  const int rows = packed_rows_together(args.num_rows);
  const int64_t lanes =
      ceil_div<int64_t>(args.num_inputs, Panel::kColumns) * kChunkLanes;
  const unsigned threads = threads_for(lanes, kPackedThreads);
  return {
      ceil_div<int64_t>(args.num_outputs, kPanelRows),
      ceil_div<int64_t>(args.num_rows, rows), threads,
      threads / kWarpSize * rows * kPanelRows * sizeof(float)};
}

template <typename Panel, typename T>
Launch unpack_panels_launch(const UnpackPanels<T>& args) {
  const int64_t lanes = ceil_div<int64_t>(args.num_outputs, kPanelRows) *
      ceil_div<int64_t>(args.num_inputs, Panel::kColumns) * kChunkLanes;
  return {ceil_div<int64_t>(lanes, kPackedThreads), 1, kPackedThreads, 0};
}

// kRows: packed_rows_together. kPack: Panel::kColumns where packed_linear_takes_packs,
// else 1.
template <typename Panel, int kRows, int kPack, typename T>
__global__ void packed_linear_kernel(PackedLinear<T> args) {
  constexpr int kColumns = Panel::kColumns;
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  const int part = thread % kChunkLanes;
  const int64_t first_row = int64_t{blockIdx.y} * kRows;
  const uint8_t* panel = args.panels + blockIdx.x * args.panel_bytes;
  const int64_t num_chunks = ceil_div<int64_t>(args.num_inputs, kColumns);
  float sums[kRows][kLaneRows] = {};
  for (int64_t chunk = thread / kChunkLanes; chunk < num_chunks;
       chunk += threads / kChunkLanes) {
    const auto weights = read_chunk<Panel>(panel, chunk, part);
    for (int n = 0; n < kRows; ++n) {
      if (first_row + n >= args.num_rows) {
        break;
      }
      float x[kColumns];
      load_columns<kColumns, kPack>(
          args.x + (first_row + n) * args.num_inputs, chunk * kColumns, args.num_inputs,
          x);
      for (int r = 0; r < kLaneRows; ++r) {
        float sum = 0.0f;
        for (int j = 0; j < kColumns; ++j) {
          sum += weights.levels[r][j] * x[j];
        }
        sums[n][r] += weights.scales[r] * sum;
      }
    }
  }
  // Over the lanes of a warp that have the same rows, then over the warps.
  float* of_warps = shared_memory<float>(); // [warps][kRows][kPanelRows]
  float* of_warp = of_warps + thread / kWarpSize * kRows * kPanelRows;
  for (int n = 0; n < kRows; ++n) {
    for (int r = 0; r < kLaneRows; ++r) {
      float sum = sums[n][r];
      for (int distance = kWarpSize / 2; distance >= kChunkLanes; distance /= 2) {
        sum += __shfl_xor_sync(kWholeWarp, sum, distance);
      }
      if (thread % kWarpSize < kChunkLanes) {
        of_warp[n * kPanelRows + part * kLaneRows + r] = sum;
      }
    }
  }
  __syncthreads();
  for (int i = thread; i < kRows * kPanelRows; i += threads) {
    const int64_t row = first_row + i / kPanelRows;
    const int64_t output = int64_t{blockIdx.x} * kPanelRows + i % kPanelRows;
    if (row >= args.num_rows || output >= args.num_outputs) {
      continue;
    }
    float sum = args.bias != nullptr ? to_float(args.bias[output]) : 0.0f;
    for (int warp = 0; warp < threads / kWarpSize; ++warp) {
      sum += of_warps[warp * kRows * kPanelRows + i];
    }
    args.out[row * args.num_outputs + output] = from_float<T>(sum);
  }
}

// kPack: Panel::kColumns where unpack_panels_takes_packs, else 1.
template <typename Panel, int kPack, typename T>
__global__ void unpack_panels_kernel(UnpackPanels<T> args) {
  constexpr int kColumns = Panel::kColumns;
  const int64_t lane = int64_t{blockIdx.x} * kPackedThreads + threadIdx.x;
  const int part = static_cast<int>(lane % kChunkLanes);
  const int64_t num_chunks = ceil_div<int64_t>(args.num_inputs, kColumns);
  const int64_t chunk = lane / kChunkLanes % num_chunks;
  const int64_t panel = lane / kChunkLanes / num_chunks;
  if (panel * kPanelRows >= args.num_outputs) {
    return;
  }
  const auto weights =
      read_chunk<Panel>(args.panels + panel * args.panel_bytes, chunk, part);
  for (int r = 0; r < kLaneRows; ++r) {
    const int64_t row = panel * kPanelRows + part * kLaneRows + r;
    if (row >= args.num_outputs) {
      return;
    }
    T* out = args.out + row * args.num_inputs + chunk * kColumns;
    for (int j = 0; j < kColumns; j += kPack) {
      Pack<T, kPack> pack;
      for (int k = 0; k < kPack; ++k) {
        pack.at[k] = from_float<T>(weights.scales[r] * weights.levels[r][j + k]);
      }
      if (kPack > 1 || chunk * kColumns + j < args.num_inputs) {
        store_pack(out + j, pack);
      }
    }
  }
}

} // namespace omni::kernels::cuda
