// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Which sample comes when: draw number n is a function of (seed, n) alone, so that a
// resumed run sees what the uninterrupted one would. Several datasets are mixed by
// weight; each is walked in a new order every epoch.
#pragma once

#include <cstdint>
#include <vector>

namespace omni {

// A permutation of [0, size): a Feistel network walked until it lands inside.
[[nodiscard]] int64_t permuted_index(int64_t index, int64_t size, uint64_t seed);

struct SampleAddress {
  int64_t dataset = 0;
  int64_t index = 0; // in the dataset
  uint64_t seed = 0; // for whatever is random about this use of the sample
};

class DataOrder {
 public:
  // Sizes and weights of the datasets; ValueError unless all are positive.
  DataOrder(std::vector<int64_t> sizes, std::vector<double> weights, uint64_t seed);
  [[nodiscard]] SampleAddress next();
  // Goes to draw number `n` as if next() had been called n times.
  void seek(int64_t n);

 private:
  std::vector<int64_t> sizes_;
  std::vector<double> cumulative_; // of weights, the last is 1
  uint64_t seed_;
  int64_t num_draws_ = 0;
  std::vector<int64_t> draws_of_; // a dataset
};

} // namespace omni
