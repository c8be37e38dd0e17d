// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/sampler.h"

#include <ATen/ATen.h>

#include <utility>

#include "kernels/kernels.h"
#include "omni/core/random.h"

namespace omni {

DrawOptions text_draw_options(const SamplingOptions& sampling) {
  return {
      .temperature = sampling.temperature.value_or(0.0),
      .top_k = sampling.top_k.value_or(0),
      .top_p = sampling.top_p.value_or(1.0),
      .min_p = sampling.min_p.value_or(0.0),
      .repetition_penalty = sampling.repetition_penalty.value_or(1.0),
      .presence_penalty = sampling.presence_penalty.value_or(0.0),
      .frequency_penalty = sampling.frequency_penalty.value_or(0.0)};
}

float log_probability(const at::Tensor& logits, int64_t id) {
  return (logits[id] - logits.logsumexp(0)).item<float>();
}

Sampler::Sampler(uint64_t seed, std::vector<int64_t> prompt)
    : seed_(seed), prompt_(std::move(prompt)) {}

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
  sample.presence_penalty = options.presence_penalty;
  sample.frequency_penalty = options.frequency_penalty;
  for (const IdRange& range : allowed) {
    sample.allowed.emplace_back(range.begin, range.end);
  }
  sample.previous = previous;
  if (options.repetition_penalty != 1.0) { // it may be long
    sample.prompt = prompt_;
  }
  return kernels::sample(logits, sample, uniform_at(seed_, num_draws_++));
}

} // namespace omni
