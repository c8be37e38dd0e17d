// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One token through all layers of a decoder with packed weights: what lies between two
// products (norms, rotary, the write into the cache, attention, SwiGLU) costs no pass
// of its own, every thread does the small parts for itself, and the team meets five
// times a layer. Activations are float32 between products.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/cpu/packed_panels.h"
#include "kernels/cpu/product_input.h"
#include "kernels/cpu/thread_team.h"

namespace omni::kernels::cpu {

struct DecodeProduct {
  PackedMatrix weight;
  const float* bias = nullptr; // [O] or null
};

struct DecodeNorm {
  const float* weight = nullptr; // with its offset added; null: there is no norm
  float eps = 1e-6f;
};

// Pointers into memory that somebody else keeps. q heads, then k, then v in `qkv`; gate
// rows, then up in `gate_up`.
struct DecodeLayer {
  DecodeNorm attention_norm, attention_post_norm;
  DecodeNorm feed_forward_norm, feed_forward_post_norm;
  DecodeProduct qkv, output, gate_up, down;
  DecodeNorm q_norm, k_norm; // of a head
  int64_t num_heads = 0; // H
  int64_t num_kv_heads = 0; // G
  int64_t head_width = 0; // K
  int64_t window = 0; // rows a query sees, itself included; 0: all
  float scale = 1.0f; // of q k^T
  int64_t rotary_half = 0; // pairs of a head that turn; 0: none
  bool is_interleaved = false;
};

// What a token finds in a layer: its angles, and a cache that has room for its row.
struct DecodeRow {
  const float* cos = nullptr; // [rotary_half]
  const float* sin = nullptr;
  void* keys = nullptr; // [G, rows, K], float or bfloat16
  void* values = nullptr;
  int64_t key_group_stride = 0; // entries from one group to the next
  int64_t value_group_stride = 0;
  int64_t num_rows = 0; // with the token's own, the last
  bool is_bfloat16 = false;
};

// Memory of a step, kept from one to the next. Not thread-safe.
class DecodeScratch {
 public:
  // Large enough for `layers`, D entries a row.
  DecodeScratch(const std::vector<DecodeLayer>& layers, int64_t width, int num_threads);

 private:
  friend class DecodeStep;
  struct Own { // of one thread
    ProductInputBuffer input;
    std::vector<float> sum; // [D], the residual stream
    std::vector<float> normed; // [D]
    std::vector<float> inner; // [max of H K, F]
    std::vector<float> head; // queries of a group
    std::vector<float> scores;
  };
  std::vector<Own> own_;
  std::vector<float> qkv_, gate_up_, partial_; // of one layer at a time
  std::vector<float> branches_; // two of each layer [D], D rounded up to panels
};

struct DecodeOptions {
  int64_t width = 0; // D
  float residual_multiplier = 1.0f;
  DecodeNorm final_norm;
  DecodeProduct head; // read where logits are asked for
};

// What is asked for of a token; null: not.
struct DecodeOutput {
  float* hidden = nullptr; // [D] after the final norm
  float* logits = nullptr; // [V], V rounded up to panels; without a multiplier
};

// x float32 [D] after the embedding multiplier, through the layers. rows[i] is what the
// token finds in layers[i], whose caches are written.
void decode_step(
    const std::vector<DecodeLayer>& layers,
    const std::vector<DecodeRow>& rows,
    const DecodeOptions& options,
    const float* x,
    DecodeScratch& scratch,
    const ThreadTeam& team,
    const DecodeOutput& out);

} // namespace omni::kernels::cpu
