// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Multi-head latent attention (arXiv 2405.04434, section 2.1): keys and values of all
// heads are maps of one small latent row a token, which with one rope key, shared by
// the heads, is all that a cache keeps. A head's query and key are [nope, rope] wide;
// only the rope part turns. May read only the rows that an index chooses, and gate its
// output. Rows [L, D] in and out, as any attention.
#pragma once

#include "omni/transformer/attention.h"
#include "omni/transformer/sparse_index.h"

namespace omni {

class LatentAttentionImpl : public AttentionImpl {
 public:
  // `layer` is the index of the block, which its cache rows go by.
  LatentAttentionImpl(const TransformerConfig& config, int64_t layer);
  at::Tensor forward(const at::Tensor& x, const AttentionRows& rows) override;
  void reset_parameters(double input_std, double output_std) override;
  // All but kv_up, which is also used the other way round.
  [[nodiscard]] std::vector<LinearMap> quantizable() const override;

  const int64_t layer;
  const LayerConfig config;
  LinearMap q{nullptr}; // [H (nope + rope), D]; empty with a latent for queries
  LinearMap q_down{nullptr}; // [q_rank, D]; empty without one, as the next two
  RmsNorm q_norm{nullptr};
  LinearMap q_up{nullptr}; // [H (nope + rope), q_rank]; with a gate for each head its
                           // value rows too, of a latent twice as wide:
                           // [H (nope + rope + value), 2 q_rank]
  LinearMap kv_down{nullptr}; // rows of the latent, then of the rope key:
                              // [kv_rank + rope, D]
  RmsNorm kv_norm{nullptr}; // of the latent only
  LinearMap kv_up{nullptr}; // for each head nope rows, then value rows:
                            // [H (nope + value), kv_rank]
  SparseIndex index{nullptr}; // empty without one
  LinearMap output{nullptr}; // [D, H value]

 private:
  struct Projected {
    at::Tensor q_nope; // [L, H, nope]
    at::Tensor q_rope; // [L, H, rope], turned
    at::Tensor latent; // [L, kv_rank], after its norm
    at::Tensor k_rope; // [L, 1, rope], turned
    at::Tensor gate; // [L, H, value], before its sigmoid; undefined without one
    IndexRows index; // undefined without one
  };
  struct KeysAndValues {
    at::Tensor keys; // [L, H, nope + rope]
    at::Tensor values; // the same shape: [value, zeros]
  };
  Projected project(const at::Tensor& x, const kernels::RotaryTables& rotary);
  // latent [L, kv_rank] and k_rope [L, 1, rope] for every head.
  KeysAndValues expand(const at::Tensor& latent, const at::Tensor& k_rope);
  // Whether an index has anything to leave out of so many rows.
  [[nodiscard]] bool is_sparse(int64_t num_rows) const;
  // Appends rows [begin, begin + size) to the cache: what it then holds.
  KvView append(const Projected& projected, int64_t begin, int64_t size, KvCache& cache)
      const;
  // The cache rows [1, S, kv_rank + rope] that row `row` attends to after joining them.
  at::Tensor seen_by(const Projected& projected, int64_t row, KvCache& cache) const;
  // These three give [L, H, value].
  at::Tensor attend_spans(
      const Projected& projected,
      const std::vector<kernels::RowSpan>& spans);
  at::Tensor attend_after(const Projected& projected, KvCache& cache);
  // A row after those of each cache, which are never expanded.
  at::Tensor attend_latents(
      const Projected& projected,
      const std::vector<KvCache*>& caches);

  double scale_ = 1.0;
};

} // namespace omni
