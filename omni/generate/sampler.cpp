// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/generate/sampler.h"

#include "kernels/kernels.h"

namespace omni {

Sampler::Sampler(uint64_t seed) : seed_(seed) {}

double Sampler::next_uniform() {
  // SplitMix64 (Steele, Lea, Flood 2014) of seed and draw number.
  uint64_t z = seed_ * 0xD1342543DE82EF95ULL + (++num_draws_) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

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
  return kernels::sample(logits, sample, next_uniform());
}

} // namespace omni
