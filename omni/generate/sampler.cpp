// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/sampler.h"

#include "kernels/kernels.h"
#include "omni/core/random.h"

namespace omni {

Sampler::Sampler(uint64_t seed) : seed_(seed) {}

int64_t Sampler::draw(
    const at::Tensor& logits,
    const DrawOptions& options,
    const std::vector<IdRange>& allowed,
    const std::vector<int64_t>& previous) {
  kernels::SampleOptions sample;
  sample.temperature = options.temperature;
  sample.top_k = options.top_k;
  sample.top_p = options.top_p;
  sample.min_p = options.min_p;
  sample.repetition_penalty = options.repetition_penalty;
  for (const IdRange& range : allowed) {
    sample.allowed.emplace_back(range.begin, range.end);
  }
  sample.previous = previous;
  return kernels::sample(logits, sample, uniform_at(seed_, num_draws_++));
}

} // namespace omni
