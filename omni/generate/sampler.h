// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Draws one id from logits, restricted to ranges of the token space. Keeps the random
// stream: draw number n of a seed is always the same number, on every machine.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "omni/model/sampling_options.h"
#include "tokenizers/token_space.h"

namespace omni {

// How one kind of id is drawn.
struct DrawOptions {
  double temperature = 0.0;
  int64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
};

// As a request, its open fields filled, has text drawn.
[[nodiscard]] DrawOptions text_draw_options(const SamplingOptions& sampling);
// The natural logarithm of an id's probability under logits float32 [V].
[[nodiscard]] float log_probability(const at::Tensor& logits, int64_t id);

class Sampler {
 public:
  // `prompt`: ids that the repetition penalty falls on as if they had been drawn.
  explicit Sampler(uint64_t seed, std::vector<int64_t> prompt = {});
  // logits float32 [V]; `previous` are the ids the penalties apply to, as often as they
  // came. Throws ValueError when no range allows any id.
  [[nodiscard]] int64_t draw(
      const at::Tensor& logits,
      const DrawOptions& options,
      const std::vector<IdRange>& allowed,
      const std::vector<int64_t>& previous = {});

 private:
  uint64_t seed_;
  std::vector<int64_t> prompt_;
  uint64_t num_draws_ = 0;
};

} // namespace omni
