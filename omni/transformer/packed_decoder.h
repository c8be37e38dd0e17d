// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// One new row of one sequence through all layers as a single fused step on the CPU
// (kernels/cpu/decode_step.h), with the packed weights of the blocks: what
// Transformer::forward does with a cache, where every layer is of a kind the step knows
// (grouped-query attention, a dense feed-forward, plain norms). Its oracle is that
// forward. Thread-safe: one step at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <mutex>
#include <vector>

#include "kernels/cpu/decode_step.h"
#include "omni/core/value_stamp.h"
#include "omni/transformer/block.h"
#include "omni/transformer/kv_cache.h"

namespace omni {

struct PackedDecoderParts {
  std::vector<Block> layers;
  RmsNorm norm{nullptr};
  LinearMap head{nullptr};
  double residual_multiplier = 1.0;
};

class PackedDecoder {
 public:
  // Null unless the step knows every layer and every weight has a packed form.
  [[nodiscard]] static std::shared_ptr<PackedDecoder> make(PackedDecoderParts parts);

  // False when a parameter has changed since: make another.
  [[nodiscard]] bool is_current() const;
  // hidden [D] after the embedding multiplier, and for each layer its angles (cos and
  // sin [W / 2]; undefined: nothing turns) -> [D] after the final norm, in hidden's
  // dtype. Appends a row to the cache.
  [[nodiscard]] at::Tensor step(
      const at::Tensor& hidden,
      const std::vector<kernels::RotaryTables>& rotary,
      KvCache& cache);
  // Whether the head has a packed form too.
  [[nodiscard]] bool has_logits() const {
    return options_.head.weight.panels != nullptr;
  }
  // As step(), one product further: float32 [V], before the logits multiplier. Requires
  // has_logits().
  [[nodiscard]] at::Tensor step_to_logits(
      const at::Tensor& hidden,
      const std::vector<kernels::RotaryTables>& rotary,
      KvCache& cache);

 private:
  void run(
      const at::Tensor& hidden,
      const std::vector<kernels::RotaryTables>& rotary,
      KvCache& cache,
      const kernels::cpu::DecodeOutput& out);
  explicit PackedDecoder(PackedDecoderParts parts);
  kernels::cpu::DecodeLayer layer_of(const BlockImpl& block);
  kernels::cpu::DecodeNorm norm_of(const RmsNorm& norm);
  kernels::cpu::DecodeProduct product_of(const LinearMap& map);
  // A member of a module, which it keeps.
  using Parameter = std::shared_ptr<const at::Tensor>;
  // Keeps a float32 copy of a parameter, with `offset` added; null for none.
  const float* floats_of(const Parameter& parameter, double offset = 0.0);

  PackedDecoderParts parts_;
  std::vector<kernels::cpu::DecodeLayer> layers_;
  kernels::cpu::DecodeOptions options_;
  std::vector<at::Tensor> copies_; // what the pointers of layers_ point to
  std::vector<std::pair<Parameter, ValueStamp>> sources_;
  std::mutex is_stepping_; // of the rest
  std::unique_ptr<kernels::cpu::DecodeScratch> scratch_;
  int num_threads_ = 0; // that the scratch is for
};

} // namespace omni
