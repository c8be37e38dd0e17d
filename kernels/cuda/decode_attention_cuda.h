// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The arguments of decode_attention.cuh.
#pragma once

#include "kernels/cuda/launch.h"

namespace omni::kernels::cuda {

// Wider keys do not fit the shared memory.
inline constexpr int kAttendMostKeyWidth = 5374;

template <typename T>
struct DecodeAttention {
  const T* q = nullptr;
  const T* keys = nullptr;
  const T* values = nullptr;
  T* out = nullptr;
  int64_t key_group_stride = 0, key_row_stride = 0; // entries
  int64_t value_group_stride = 0, value_row_stride = 0;
  int64_t num_rows = 0; // L >= 1
  // Device memory: the index of the last row that is seen; null: all are. What is
  // launched does not depend on it.
  const int64_t* last_row = nullptr;
  int64_t window = 0; // rows that are seen, up to the last; 0: all
  int num_heads = 0; // H
  int num_groups = 0; // G, divides H
  int key_width = 0; // K
  int value_width = 0; // C
  float scale = 1.0f;
  // Scratch of the splits, decode_attention_splits() where that is more than one.
  float* split_out = nullptr; // [splits, H, C]
  float* split_largest = nullptr; // [splits, H]
  float* split_sum = nullptr; // [splits, H]
};

// Runs of rows that blocks of their own take.
template <typename T>
int64_t decode_attention_splits(const DecodeAttention<T>& args);

// T float or Bf16.
template <typename T>
void launch_decode_attention(const DecodeAttention<T>& args, Stream stream);

} // namespace omni::kernels::cuda
