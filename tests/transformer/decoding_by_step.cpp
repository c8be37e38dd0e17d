// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/transformer/decoding_by_step.h"

#include <torch/utils.h>

#include "tests/support/not_tested.h"

namespace omni::testing {

bool has_fused_step() {
  if (!kernels::has_fast_packed_linear()) {
    say_not_tested(
        "on this processor a packed weight is not faster than a plain one, so that "
        "there is no fused step");
  }
  return kernels::has_fast_packed_linear();
}

Transformer make_rounded(const TransformerConfig& config) {
  Transformer model = make_transformer(config);
  const at::NoGradGuard guard;
  for (at::Tensor& parameter : model->parameters()) {
    parameter.copy_(parameter.to(at::kBFloat16));
  }
  return model;
}

Inputs inputs_of(const TransformerConfig& config, int64_t length, uint64_t seed) {
  torch::manual_seed(seed);
  return {
      at::randn({1, length, config.width}), at::cumsum(at::rand({1, length, 3}), 1)};
}

TransformerInput rows_of(const Inputs& in, int64_t begin, int64_t size) {
  return {in.hidden.narrow(1, begin, size), in.positions.narrow(1, begin, size), {}};
}

at::Tensor step_through(
    Transformer& model,
    const Inputs& in,
    KvCache& cache,
    int64_t begin,
    int64_t end) {
  std::vector<at::Tensor> rows;
  for (int64_t i = begin; i < end; ++i) {
    rows.push_back(model->forward(rows_of(in, i, 1), cache));
  }
  return at::cat(rows, 1);
}

std::shared_ptr<PackedDecoder> decoder_of(Transformer& model) {
  return PackedDecoder::make(
      {model->layers, model->norm, model->head ? model->head : model->table,
       model->config.residual_multiplier});
}

GroupedQueryAttentionImpl& grouped_attention(Transformer& model, size_t layer) {
  return dynamic_cast<GroupedQueryAttentionImpl&>(*model->layers[layer]->attention);
}

} // namespace omni::testing
