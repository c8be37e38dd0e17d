// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/prefill.h"

#include <algorithm>
#include <optional>

namespace omni {

namespace {

// All but the last piece into the cache; that one, or nothing when cancelled.
std::optional<TransformerInput> prefill_but_last(
    OmniModel& model,
    const Prompt& prompt,
    KvCache& cache,
    const std::function<bool()>& wants_cancel) {
  // Long enough that a matrix product is not the slower for it.
  constexpr int64_t kPieceTokens = 512;
  const int64_t length = prompt.sequence.num_tokens();
  const at::Tensor hidden_BLD =
      model->embed(prompt.sequence, prompt.items).unsqueeze(0);
  const at::Tensor positions_BL3 =
      prompt.sequence.positions_tensor().unsqueeze(0).to(model->device());
  for (int64_t begin = 0;; begin += kPieceTokens) {
    if (wants_cancel && wants_cancel()) {
      return std::nullopt;
    }
    const int64_t size = std::min(kPieceTokens, length - begin);
    TransformerInput piece{
        hidden_BLD.narrow(1, begin, size), positions_BL3.narrow(1, begin, size), {}};
    if (begin + size == length) {
      return piece;
    }
    model->transformer->forward(piece, cache);
  }
}

} // namespace

at::Tensor prefill(
    OmniModel& model,
    const Prompt& prompt,
    KvCache& cache,
    const std::function<bool()>& wants_cancel) {
  const auto last = prefill_but_last(model, prompt, cache, wants_cancel);
  return last ? model->transformer->forward(*last, cache).select(1, -1) : at::Tensor();
}

at::Tensor prefill_to_logits(OmniModel& model, const Prompt& prompt, KvCache& cache) {
  const auto last = prefill_but_last(model, prompt, cache, {});
  return model->transformer->last_logits(*last, cache);
}

} // namespace omni
