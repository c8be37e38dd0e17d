// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// out = softmax(scale q k^T) v for one query row over the cache, the last `window` rows
// of it where there is a window; query head h reads group h / (H / G).
// Shapes: q [H, K]; keys [G, L, K] and values [G, L, C], rows and groups any distance
// apart; out [H, C]. dtypes: all of T, float32 or bfloat16; scores and sums in float32.
// A thread block: kAttendRows rows of one group for up to kAttendHeads of its query
// heads, which share every key and value read. More rows are split among blocks, each
// of which leaves its largest score, its sum and its unscaled output; a second kernel
// merges them, a block a head. Bytes: (K + C) sizeof(T) a row and kAttendHeads heads;
// 4 C + 8 a head and split, twice. The last row may be read on the device: then there
// are blocks for all rows that there is memory for, and those behind it end at once.
#pragma once

#include "kernels/cuda/decode_attention_cuda.h"
#include "kernels/cuda/reduce.cuh"

namespace omni::kernels::cuda {

inline constexpr int kAttendRows = 256;
inline constexpr int kAttendHeads = 4;
inline constexpr int kAttendPack = 4; // entries that a lane reads together
inline constexpr int kAttendWarps = 4;

// Splits that are launched, and have a place in the scratch.
template <typename T>
__host__ __device__ int64_t num_attend_splits(const DecodeAttention<T>& args) {
  const bool is_cut = args.window > 0 && args.window < args.num_rows;
  return ceil_div<int64_t>(is_cut ? args.window : args.num_rows, kAttendRows);
}

struct SeenRun {
  int64_t begin;
  int64_t end; // never behind the memory
};

template <typename T>
__device__ SeenRun seen_rows(const DecodeAttention<T>& args) {
  int64_t end = args.num_rows;
  if (args.last_row != nullptr && *args.last_row < end) {
    end = *args.last_row + 1;
  }
  const bool is_cut = args.window > 0 && args.window < end;
  return {is_cut ? end - args.window : 0, end};
}

template <typename T>
bool decode_attention_takes_packs(const DecodeAttention<T>& args) {
  return takes_packs<kAttendPack>(args.keys, args.key_row_stride) &&
      takes_packs<kAttendPack>(args.values, args.value_row_stride) &&
      args.key_group_stride % kAttendPack == 0 &&
      args.value_group_stride % kAttendPack == 0 && args.key_width % kAttendPack == 0 &&
      args.value_width % kAttendPack == 0;
}

// Shared: queries [heads, K], scores [heads, rows], largest and sum [heads] each, and
// the outputs of each warp [warps, heads, kWarpSize * pack].
constexpr size_t attend_shared_bytes(int key_width) {
  return sizeof(float) * kAttendHeads *
      (key_width + kAttendRows + 2 + kAttendWarps * kWarpSize * kAttendPack);
}
static_assert(attend_shared_bytes(kAttendMostKeyWidth) <= kMostSharedBytes);

template <typename T>
Launch decode_attention_launch(const DecodeAttention<T>& args) {
  const int tiles = ceil_div(args.num_heads / args.num_groups, kAttendHeads);
  return {
      num_attend_splits(args), int64_t{args.num_groups} * tiles,
      kAttendWarps * kWarpSize, attend_shared_bytes(args.key_width)};
}

// What a block works on.
struct AttendTile {
  int group;
  int first_head;
  int num_heads; // <= kAttendHeads
  int64_t first_row;
  int num_rows; // <= kAttendRows; none: the split is behind the last row
  float* queries; // shared
  float* scores;
  float* largest;
  float* sum;
  float* warp_outs;
};

template <typename T>
__device__ AttendTile attend_tile(const DecodeAttention<T>& args) {
  const int per_group = args.num_heads / args.num_groups;
  const int tiles = ceil_div(per_group, kAttendHeads);
  AttendTile tile;
  tile.group = static_cast<int>(blockIdx.y) / tiles;
  const int first = static_cast<int>(blockIdx.y) % tiles * kAttendHeads;
  tile.first_head = tile.group * per_group + first;
  tile.num_heads = per_group - first < kAttendHeads ? per_group - first : kAttendHeads;
  const SeenRun seen = seen_rows(args);
  tile.first_row = seen.begin + int64_t{blockIdx.x} * kAttendRows;
  const int64_t rows = seen.end - tile.first_row;
  const int64_t most = rows < kAttendRows ? rows : kAttendRows;
  tile.num_rows = most > 0 ? static_cast<int>(most) : 0;
  tile.queries = shared_memory<float>();
  tile.scores = tile.queries + kAttendHeads * args.key_width;
  tile.largest = tile.scores + kAttendHeads * kAttendRows;
  tile.sum = tile.largest + kAttendHeads;
  tile.warp_outs = tile.sum + kAttendHeads;
  return tile;
}

// A warp a row, all heads of the tile.
template <int kPack, typename T>
__device__ void score_rows(const DecodeAttention<T>& args, const AttendTile& tile) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const T* keys = args.keys + tile.group * args.key_group_stride +
      tile.first_row * args.key_row_stride;
  for (int row = warp; row < tile.num_rows; row += kAttendWarps) {
    float dot[kAttendHeads] = {};
    for (int i = lane * kPack; i < args.key_width; i += kWarpSize * kPack) {
      const auto key = load_pack<T, kPack>(keys + row * args.key_row_stride + i);
      for (int head = 0; head < kAttendHeads; ++head) {
        for (int j = 0; j < kPack; ++j) {
          dot[head] +=
              tile.queries[head * args.key_width + i + j] * to_float(key.at[j]);
        }
      }
    }
    for (int head = 0; head < kAttendHeads; ++head) {
      const float score = warp_reduce(dot[head], Add()) * args.scale;
      if (lane == head) {
        tile.scores[head * kAttendRows + row] = score;
      }
    }
  }
}

// A warp a head: scores become exp(score - largest).
__device__ inline void weigh_rows(const AttendTile& tile) {
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  for (int head = warp; head < kAttendHeads; head += kAttendWarps) {
    float* scores = tile.scores + head * kAttendRows;
    float largest = -INFINITY, sum = 0.0f;
    for (int row = lane; row < tile.num_rows; row += kWarpSize) {
      largest = fmaxf(largest, scores[row]);
    }
    largest = warp_reduce(largest, Larger());
    for (int row = lane; row < tile.num_rows; row += kWarpSize) {
      scores[row] = expf(scores[row] - largest);
      sum += scores[row];
    }
    sum = warp_reduce(sum, Add());
    if (lane == 0) {
      tile.largest[head] = largest;
      tile.sum[head] = sum;
    }
  }
}

// The outputs of channels [first, first + kWarpSize * kPack), a warp every fourth row.
template <int kPack, typename T>
__device__ void
sum_values(const DecodeAttention<T>& args, const AttendTile& tile, int first) {
  constexpr int kChannels = kWarpSize * kPack;
  const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const T* values = args.values + tile.group * args.value_group_stride +
      tile.first_row * args.value_row_stride;
  const int channel = first + lane * kPack;
  float out[kAttendHeads][kPack] = {};
  for (int row = warp; row < tile.num_rows && channel < args.value_width;
       row += kAttendWarps) {
    const auto value =
        load_pack<T, kPack>(values + row * args.value_row_stride + channel);
    for (int head = 0; head < kAttendHeads; ++head) {
      const float weight = tile.scores[head * kAttendRows + row];
      for (int j = 0; j < kPack; ++j) {
        out[head][j] += weight * to_float(value.at[j]);
      }
    }
  }
  for (int head = 0; head < kAttendHeads; ++head) {
    for (int j = 0; j < kPack; ++j) {
      tile.warp_outs[(warp * kAttendHeads + head) * kChannels + lane * kPack + j] =
          out[head][j];
    }
  }
  __syncthreads();
  const int64_t splits = num_attend_splits(args);
  for (int i = threadIdx.x; i < tile.num_heads * kChannels; i += blockDim.x) {
    const int head = i / kChannels, out_channel = first + i % kChannels;
    if (out_channel >= args.value_width) {
      continue;
    }
    float sum = 0.0f;
    for (int w = 0; w < kAttendWarps; ++w) {
      sum += tile.warp_outs[(w * kAttendHeads + head) * kChannels + i % kChannels];
    }
    const int64_t row_of_head = tile.first_head + head;
    if (splits == 1) {
      args.out[row_of_head * args.value_width + out_channel] =
          from_float<T>(sum / tile.sum[head]);
    } else {
      const int64_t split_row = int64_t{blockIdx.x} * args.num_heads + row_of_head;
      args.split_out[split_row * args.value_width + out_channel] = sum;
    }
  }
  __syncthreads(); // the outputs of the warps are read
}

// kPack: kAttendPack where decode_attention_takes_packs, else 1.
template <int kPack, typename T>
__global__ void decode_attention_kernel(DecodeAttention<T> args) {
  const AttendTile tile = attend_tile(args);
  if (tile.num_rows == 0) {
    return; // the whole block
  }
  for (int i = threadIdx.x; i < kAttendHeads * args.key_width; i += blockDim.x) {
    const bool is_head = i < tile.num_heads * args.key_width;
    const int64_t begin = int64_t{tile.first_head} * args.key_width;
    tile.queries[i] = is_head ? to_float(args.q[begin + i]) : 0.0f;
  }
  __syncthreads();
  score_rows<kPack>(args, tile);
  __syncthreads();
  weigh_rows(tile);
  __syncthreads();
  for (int first = 0; first < args.value_width; first += kWarpSize * kPack) {
    sum_values<kPack>(args, tile, first);
  }
  if (static_cast<int>(threadIdx.x) < tile.num_heads && num_attend_splits(args) > 1) {
    const int64_t place =
        int64_t{blockIdx.x} * args.num_heads + tile.first_head + threadIdx.x;
    args.split_largest[place] = tile.largest[threadIdx.x];
    args.split_sum[place] = tile.sum[threadIdx.x];
  }
}

// No blocks where one split has written the output already.
template <typename T>
Launch merge_splits_launch(const DecodeAttention<T>& args) {
  const bool is_merged = num_attend_splits(args) <= 1;
  return {is_merged ? 0 : args.num_heads, 1, threads_for(args.value_width, 256), 0};
}

template <typename T>
__global__ void merge_splits_kernel(DecodeAttention<T> args) {
  const SeenRun seen = seen_rows(args);
  const int64_t splits = ceil_div<int64_t>(seen.end - seen.begin, kAttendRows);
  const int64_t head = blockIdx.x;
  float largest = -INFINITY;
  for (int64_t split = 0; split < splits; ++split) {
    largest = fmaxf(largest, args.split_largest[split * args.num_heads + head]);
  }
  for (int c = threadIdx.x; c < args.value_width; c += blockDim.x) {
    float out = 0.0f, sum = 0.0f;
    for (int64_t split = 0; split < splits; ++split) {
      const int64_t place = split * args.num_heads + head;
      const float weight = expf(args.split_largest[place] - largest);
      sum += weight * args.split_sum[place];
      out += weight * args.split_out[place * args.value_width + c];
    }
    args.out[head * args.value_width + c] = from_float<T>(out / sum);
  }
}

} // namespace omni::kernels::cuda
