// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/bench/kernels/floor.h"

#include <algorithm>
#include <bit>

namespace omni::bench {
namespace {

// Twice what the caches of common processors hold.
constexpr double kLeastOfMemory = 64e6;

double rate_of(const MachineLimits& limits, Peak peak) {
  switch (peak) {
    case Peak::Bf16:
      return limits.bf16;
    case Peak::Int8:
      return limits.int8;
    case Peak::Float32:
      break;
  }
  return limits.float32;
}

const char* bound_of(Peak peak) {
  switch (peak) {
    case Peak::Bf16:
      return "bf16";
    case Peak::Int8:
      return "int8";
    case Peak::Float32:
      break;
  }
  return "float32";
}

} // namespace

FloorFinder::FloorFinder(int num_threads)
    : num_threads_(num_threads), limits_(measure_limits(num_threads)) {}

bool FloorFinder::is_of_memory(const Work& work) {
  return work.bytes >= kLeastOfMemory;
}

Floor FloorFinder::floor(const Work& work, const MemoryProbe& memory) {
  const bool is_of_memory_now = is_of_memory(work);
  const double rate = is_of_memory_now ? std::max(memory.read(), memory.copy())
                                       : cache_rate(work.bytes);
  const Floor of_bytes{work.bytes / rate, is_of_memory_now ? "memory" : "cache"};
  const Floor of_products{
      work.operations / rate_of(limits_, work.peak), bound_of(work.peak)};
  return of_bytes.seconds >= of_products.seconds ? of_bytes : of_products;
}

double FloorFinder::cache_rate(double bytes) {
  const size_t size = std::bit_ceil(static_cast<size_t>(bytes) + 1) / 2;
  const auto [place, is_new] = cache_rates_.try_emplace(size, 0.0);
  if (is_new) {
    place->second = read_again_rate(num_threads_, size);
  }
  return place->second;
}

} // namespace omni::bench
