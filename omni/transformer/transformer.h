// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The one decoder: a table of ids, blocks built from TransformerConfig, a final norm
// and the head. Sees only rows and positions, never media or text.
#pragma once

#include <torch/nn.h>

#include <memory>
#include <mutex>
#include <vector>

#include "omni/core/linear_map.h"
#include "omni/transformer/block.h"
#include "omni/transformer/kv_cache.h"
#include "omni/transformer/positions.h"
#include "omni/transformer/rms_norm.h"
#include "omni/transformer/transformer_config.h"

namespace omni {

class PackedDecoder;

// What a forward pass computes over. Several sequences packed in one row of length L
// are told apart by segments; B > 1 rows are independent and padded by segment -1.
struct TransformerInput {
  at::Tensor hidden; // [B, L, D], rows of the table or of media, before multiplier
  at::Tensor positions; // float32 [B, L, 3]: t, y, x
  at::Tensor segments; // int64 [B, L] or undefined (one sequence a row); a row sees
                       // itself and earlier rows of its own segment, whose rows are
                       // next to each other; hidden rows of -1 mean nothing
};

// What the parameters of a model just built are.
enum class InitialParameters {
  Random, // as reset_parameters() says
  Unset, // memory as it comes: for a checkpoint to be written over
};

class TransformerImpl : public torch::nn::Module {
 public:
  // Throws ValueError as check_config does.
  explicit TransformerImpl(
      TransformerConfig config,
      InitialParameters initial = InitialParameters::Random);

  // ids int64 [...] → rows [..., D] of the table (without multiplier).
  at::Tensor embed(const at::Tensor& ids);
  // Hidden rows [B, L, D] after the final norm.
  at::Tensor forward(const TransformerInput& input);
  // The same for B = 1 and no segments, after the rows the cache holds; appends to it.
  // Without gradients. After an error the cache holds what it held, or nothing when a
  // sliding layer has already moved on further than its slack.
  at::Tensor forward(const TransformerInput& input, KvCache& cache);
  // The same for one new row of each of B sequences, hidden [B, 1, D], each after the
  // rows of its own cache, which may hold different numbers of them. Weights are read
  // once for all. After an error each cache is as above.
  at::Tensor forward(
      const TransformerInput& input,
      const std::vector<KvCache*>& caches);
  // The same for one new row of one sequence, hidden [1, 1, D], that each layer keeps
  // where `placed` says. Waits for no device and knows no number that changes from row
  // to row (static_step.h). NotImplementedError unless takes_placed_rows().
  at::Tensor forward_placed(
      const TransformerInput& input,
      const std::vector<PlacedRow>& placed);
  // True where every layer has grouped-query attention and a dense feed-forward: latent
  // attention has more in its cache, experts wait for the device.
  [[nodiscard]] bool takes_placed_rows() const;
  // Logits [..., V] of hidden rows [..., D], in the hidden rows' dtype.
  at::Tensor logits(const at::Tensor& hidden);
  // Those of the last row of forward(input, cache), [V], in float32 where the fused
  // step has them: in one go, which for one row takes less time.
  at::Tensor last_logits(const TransformerInput& input, KvCache& cache);
  // The [V, D] matrix that `logits` multiplies by, before logits_multiplier; undefined
  // where it is quantized.
  at::Tensor head_weight();
  // The maps of the layers whose weights may be stored in few bits: large products, not
  // norms, what chooses experts and rows, or a map that is read by columns too.
  [[nodiscard]] std::vector<LinearMap> quantizable() const;
  void reset_parameters();

  const TransformerConfig config;
  LinearMap table{nullptr}; // "embed": weight [V, D], a row an id
  std::vector<Block> layers;
  RmsNorm norm{nullptr};
  LinearMap head{nullptr}; // weight [V, D]; empty when the head is the table

 private:
  // Rows [L, D] of the whole batch, positions [L, 3] -> rows [L, D] after the norm.
  at::Tensor
  run(const at::Tensor& hidden, const at::Tensor& positions, AttentionRows rows);
  // All rows of the input, which follow those of caches as AttentionRows has them.
  at::Tensor run_cached(
      const TransformerInput& input,
      const std::vector<KvCache*>& caches);

  // Packed forms of what is multiplied by, where they are worth having, and the fused
  // step over them (null where there is none).
  std::shared_ptr<PackedDecoder> prepared_decoder();
  // One row of one sequence by a member of the fused step, [D] or [V].
  using PackedStep = at::Tensor (PackedDecoder::*)(
      const at::Tensor& hidden,
      const std::vector<kernels::RotaryTables>& rotary,
      KvCache& cache);
  at::Tensor step(
      PackedDecoder& decoder,
      PackedStep by,
      const TransformerInput& input,
      KvCache& cache);

  // Angles of positions [L, 3] by each of the distinct rotaries.
  std::vector<kernels::RotaryTables> tables_of(const at::Tensor& positions);

  std::mutex is_preparing_; // of the next four
  std::vector<LinearMap> prepared_; // maps whose packed forms are wanted
  std::shared_ptr<PackedDecoder> decoder_;
  // The distinct ones, on the device that rows were on last: not copied for each row.
  std::shared_ptr<const std::vector<Rotary>> rotaries_;
  at::Device rotary_device_ = at::kCPU;
  std::vector<size_t> rotary_of_layer_;
};
TORCH_MODULE(Transformer);

} // namespace omni
