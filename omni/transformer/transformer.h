// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The one decoder: a table of ids, blocks built from TransformerConfig, a final norm
// and the head. Sees only rows and positions, never media or text.
#pragma once

#include <torch/nn.h>

#include "omni/transformer/kv_cache.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

// What a forward pass computes over. Several sequences packed in one row of length L
// are told apart by segments; B > 1 rows are independent and padded by segment -1.
struct TransformerInput {
  at::Tensor hidden; // [B, L, D], rows of the table or of media, before multiplier
  at::Tensor positions; // float32 [B, L, 3]: t, y, x
  at::Tensor segments; // int64 [B, L] or undefined (one sequence a row); a row sees
                       // only earlier rows of its own segment
};

class TransformerImpl : public torch::nn::Module {
 public:
  explicit TransformerImpl(TransformerConfig config);

  // ids int64 [...] → rows [..., D] of the table (without multiplier).
  at::Tensor embed(const at::Tensor& ids);
  // Hidden rows [B, L, D] after the final norm.
  at::Tensor forward(const TransformerInput& input);
  // The same for B = 1 and no segments, after the rows the cache holds; appends to it.
  at::Tensor forward(const TransformerInput& input, KvCache& cache);
  // Logits [..., V] of hidden rows [..., D], in the hidden rows' dtype.
  at::Tensor logits(const at::Tensor& hidden);
  // The [V, D] matrix that `logits` multiplies by, before logits_multiplier.
  at::Tensor head_weight();
  void reset_parameters();

  const TransformerConfig config;
};
TORCH_MODULE(Transformer);

} // namespace omni
