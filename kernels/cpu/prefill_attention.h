// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// softmax(scale q k^T) v of many rows, new ones over a cache or all over all, bfloat16
// in and out: keys and values are packed once, and both products are those of
// packed_product.h. Scores and sums are float32, probabilities are rounded to bfloat16
// for the second product. Its oracles are reference::cached_causal_attention and
// full_attention.
#pragma once

#include <cstdint>

#include "kernels/cpu/thread_team.h"

namespace omni::kernels::cpu {

// bfloat16 bits; strides in entries, the last axis dense.
struct PrefillRows {
  const uint16_t* queries = nullptr; // [L, H, K]
  int64_t query_row_stride = 0;
  int64_t query_head_stride = 0;
  const uint16_t* keys = nullptr; // [G, S, K], the queries' own rows last
  int64_t key_group_stride = 0;
  int64_t key_row_stride = 0;
  const uint16_t* values = nullptr; // [G, S, C]
  int64_t value_group_stride = 0;
  int64_t value_row_stride = 0;
  uint16_t* out = nullptr; // [L, H, C], dense
};

struct PrefillShape {
  int64_t num_queries = 0; // L
  int64_t num_keys = 0; // S >= L, where a query is one of the last keys
  int64_t num_heads = 0; // H
  int64_t num_kv_heads = 0; // G
  int64_t key_width = 0; // K
  int64_t value_width = 0; // C
  int64_t window = 0; // rows a query sees, itself included; 0: all
  bool sees_all = false; // every query all keys, no window; else up to its own
  float scale = 1.0f;
};

// Whether this processor has products that make it worth while.
[[nodiscard]] bool has_prefill_attention();

void prefill_attention(
    const PrefillShape& shape,
    const PrefillRows& rows,
    const ThreadTeam& team);

} // namespace omni::kernels::cpu
