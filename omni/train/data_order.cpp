// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/data_order.h"

#include <algorithm>
#include <numeric>

#include "omni/core/errors.h"
#include "omni/core/random.h"

namespace omni {

int64_t permuted_index(int64_t index, int64_t size, uint64_t seed) {
  int half_bits = 1;
  while ((int64_t{1} << (2 * half_bits)) < size) {
    ++half_bits;
  }
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  auto value = static_cast<uint64_t>(index);
  do {
    uint64_t left = value >> half_bits;
    uint64_t right = value & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      const uint64_t turned = left ^ (mix_seed(seed + round, right) & mask);
      left = right;
      right = turned;
    }
    value = left << half_bits | right;
  } while (value >= static_cast<uint64_t>(size));
  return static_cast<int64_t>(value);
}

DataOrder::DataOrder(
    std::vector<int64_t> sizes,
    std::vector<double> weights,
    uint64_t seed)
    : sizes_(std::move(sizes)), seed_(seed), draws_of_(sizes_.size(), 0) {
  const bool is_valid = !sizes_.empty() && sizes_.size() == weights.size() &&
      std::all_of(sizes_.begin(), sizes_.end(), [](int64_t n) { return n > 0; }) &&
      std::all_of(weights.begin(), weights.end(), [](double w) { return w > 0.0; });
  if (!is_valid) {
    throw ValueError(
        "data_order", "expected datasets of positive size and weight, got others.");
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0.0;
  for (const double weight : weights) {
    sum += weight / total;
    cumulative_.push_back(sum);
  }
  cumulative_.back() = 1.0;
}

SampleAddress DataOrder::next() {
  const auto n = static_cast<uint64_t>(num_draws_++);
  const double uniform = uniform_at(seed_, n);
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform);
  const auto dataset = static_cast<size_t>(std::min<int64_t>(
      found - cumulative_.begin(), static_cast<int64_t>(cumulative_.size()) - 1));
  const int64_t draw = draws_of_[dataset]++;
  const int64_t size = sizes_[dataset];
  const uint64_t epoch_seed =
      mix_seed(seed_ + 1 + dataset, static_cast<uint64_t>(draw / size));
  return {
      static_cast<int64_t>(dataset), permuted_index(draw % size, size, epoch_seed),
      mix_seed(seed_ ^ 0xA5A5A5A5ULL, n)};
}

void DataOrder::seek(int64_t n) {
  num_draws_ = 0;
  std::fill(draws_of_.begin(), draws_of_.end(), 0);
  while (num_draws_ < n) {
    static_cast<void>(next());
  }
}

} // namespace omni
