// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A prompt into a cache, piece by piece: a long one can be cancelled midway, and what
// the layers hold at once does not grow with its length.
#pragma once

#include <functional>
#include <vector>

#include "omni/model/omni_model.h"

namespace omni {

struct Prompt {
  const TokenSequence& sequence; // follows what the cache holds; at least one id
  const std::vector<EncodedMedia>& items; // rows of its media
};

// Appends the rows of `prompt` to `cache`. What the transformer makes of the last of
// them, [1, D]; undefined when `wants_cancel`, asked before every piece, said so.
// Pieces computed until then stay in the cache.
[[nodiscard]] at::Tensor prefill(
    OmniModel& model,
    const Prompt& prompt,
    KvCache& cache,
    const std::function<bool()>& wants_cancel = {});

// Appends the rows of `prompt` to `cache`. Logits [V] after the last of them, in the
// model's dtype or float32.
[[nodiscard]] at::Tensor
prefill_to_logits(OmniModel& model, const Prompt& prompt, KvCache& cache);

} // namespace omni
