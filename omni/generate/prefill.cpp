// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/prefill.h"

#include <algorithm>

namespace omni {

at::Tensor prefill(
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
  at::Tensor last_row;
  for (int64_t begin = 0; begin < length; begin += kPieceTokens) {
    if (wants_cancel && wants_cancel()) {
      return {};
    }
    const int64_t size = std::min(kPieceTokens, length - begin);
    const TransformerInput piece{
        hidden_BLD.narrow(1, begin, size), positions_BL3.narrow(1, begin, size), {}};
    last_row = model->transformer->forward(piece, cache).select(1, size - 1);
  }
  return last_row;
}

} // namespace omni
