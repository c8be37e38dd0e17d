// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How fast an op could be on this machine: the time in which its bytes can be moved or
// its products done, the longer of the two. What a cache holds is moved at the rate of
// that cache.
#pragma once

#include <map>

#include "tests/bench/kernels/op_bench.h"
#include "tests/bench/machine_limits.h"

namespace omni::bench {

struct Work {
  double bytes = 0.0;
  double operations = 0.0;
  Peak peak = Peak::Float32;
};

struct Floor {
  double seconds = 0.0;
  const char* bound = ""; // "memory", "cache", "float32", "bf16", "int8"
};

class FloorFinder {
 public:
  explicit FloorFinder(int num_threads);
  // Whether no cache holds what is moved.
  [[nodiscard]] static bool is_of_memory(const Work& work);
  // `memory` has had turns beside the op's own.
  Floor floor(const Work& work, const MemoryProbe& memory);

 private:
  double cache_rate(double bytes);

  int num_threads_;
  MachineLimits limits_;
  std::map<size_t, double> cache_rates_; // by bytes, a power of two
};

} // namespace omni::bench
