// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The attention of a block. AttentionImpl is what a block knows of it; each kind is a
// subclass: grouped-query attention here, latent attention in latent_attention.h. Rows
// of the whole batch come laid end to end, [L, D]; which of them see each other is said
// beside them.
#pragma once

#include <torch/nn.h>

#include <memory>
#include <vector>

#include "kernels/kernels.h"
#include "omni/core/linear_map.h"
#include "omni/transformer/kv_cache.h"
#include "omni/transformer/rms_norm.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

// Where a layer keeps one new row. Its place is read on the device alone, so that a
// step recorded once (kernels/device_graph.h) is right for every row after it.
struct PlacedRow {
  at::Tensor keys_GLK; // [G, capacity, key width], of KvCache
  at::Tensor values_GLK;
  at::Tensor index; // int64 [1], beside them; rows up to it are in use
};

// What a layer needs to know of the rows besides their values.
struct AttentionRows {
  std::vector<kernels::RowSpan> spans; // without caches: who sees whom
  // One cache: the rows follow those it holds. Several: a row each.
  std::vector<KvCache*> caches;
  std::vector<PlacedRow> placed; // of each layer, in place of caches: there is one row
  kernels::RotaryTables rotary; // this layer's, [L, W / 2]
};

class AttentionImpl : public torch::nn::Module {
 public:
  // x [L, D] -> [L, D]. With caches, appends to them what they keep of the rows.
  virtual at::Tensor forward(const at::Tensor& x, const AttentionRows& rows) = 0;
  // Input maps get deviation `input_std`, the map back to D `output_std`.
  virtual void reset_parameters(double input_std, double output_std) = 0;
  // The maps whose weights may be stored in few bits.
  [[nodiscard]] virtual std::vector<LinearMap> quantizable() const = 0;
};

// softmax(scale q k^T) v with H query heads that share G keys and values.
class GroupedQueryAttentionImpl : public AttentionImpl {
 public:
  // `layer` is the index of the block, which its cache rows go by.
  GroupedQueryAttentionImpl(const TransformerConfig& config, int64_t layer);
  at::Tensor forward(const at::Tensor& x, const AttentionRows& rows) override;
  void reset_parameters(double input_std, double output_std) override;
  [[nodiscard]] std::vector<LinearMap> quantizable() const override {
    return {qkv, output};
  }
  // Of q k^T before softmax.
  [[nodiscard]] double scale() const {
    return scale_;
  }

  const int64_t layer;
  const LayerConfig config;
  LinearMap qkv{nullptr}; // rows of all q, then all k, then all v: [(H + 2G) K, D]
  LinearMap output{nullptr}; // [D, H K]
  RmsNorm q_norm{nullptr}; // empty without has_qk_norm
  RmsNorm k_norm{nullptr};

 private:
  struct Projected {
    at::Tensor q_LHK;
    at::Tensor k_LGK;
    at::Tensor v_LGK;
  };
  // With the weights of the norms.
  [[nodiscard]] kernels::QkNormRopeOptions qk_options() const;
  // These give [L, H, K]. After the rows of one cache, q and k normed and turned:
  at::Tensor attend_after(const Projected& projected, KvCache& cache) const;
  // A row after those of each cache, q and k as projected.
  at::Tensor attend_each(const Projected& projected, const AttentionRows& rows) const;
  // The one row, at its place.
  at::Tensor attend_placed(const Projected& projected, const AttentionRows& rows) const;

  kernels::QkNormRopeOptions qk_options_;
  double scale_ = 1.0;
};

// The head width that a layer's rotary settings are read for: latent attention turns
// only the rope part, any other may turn the whole head.
[[nodiscard]] int64_t rotary_head_width(const LayerConfig& layer);

// The attention that block `layer` of the config asks for.
[[nodiscard]] std::shared_ptr<AttentionImpl> make_attention(
    const TransformerConfig& config,
    int64_t layer);

} // namespace omni
