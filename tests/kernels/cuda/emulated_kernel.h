// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the tests of kernels/cuda share: buffers whose ends AddressSanitizer guards,
// seeded values, and a run of a kernel in every order of its threads, which must agree
// bit for bit. Include this before the kernel.
#pragma once

#include "tests/support/cuda_emulation.h"
// Kernels come after the emulation that they are compiled by.
#include "kernels/cuda/cuda_types.cuh"

#include <algorithm>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "tests/support/catch.h"

namespace omni::testing {

using Bf16 = __nv_bfloat16;

inline double to_double(float value) {
  return value;
}
inline double to_double(Bf16 value) {
  return __bfloat162float(value);
}

// How far a result may be from the float64 twin, for values of about one.
template <typename T>
inline constexpr double kTolerance = std::is_same_v<T, float> ? 2e-5 : 1e-2;

// Exactly `size` entries of device memory, at a multiple of 64 bytes, or one entry
// behind it when told to be askew: then no packed load may happen. Filled with 0xff:
// NaN, or -1.
template <typename T>
class Buffer {
 public:
  explicit Buffer(size_t size, bool is_askew = false)
      : size_(size), offset_(is_askew ? 1 : 0) {
    const size_t bytes = (size + offset_) * sizeof(T);
    memory_.reset(::operator new(bytes, std::align_val_t(64)));
    std::memset(memory_.get(), 0xff, bytes);
  }
  Buffer(const std::vector<T>& values, bool is_askew = false)
      : Buffer(values.size(), is_askew) {
    std::copy(values.begin(), values.end(), data());
  }

  T* data() {
    return static_cast<T*>(memory_.get()) + offset_;
  }
  [[nodiscard]] std::vector<T> values() {
    return std::vector<T>(data(), data() + size_);
  }

 private:
  struct Free {
    void operator()(void* memory) const {
      ::operator delete(memory, std::align_val_t(64));
    }
  };
  size_t size_;
  size_t offset_;
  std::unique_ptr<void, Free> memory_;
};

// Normal numbers, of the same seed the same, as T holds them.
template <typename T>
std::vector<T> random_values(size_t size, uint64_t seed, float scale = 1.0f) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<T> values(size);
  for (T& value : values) {
    value = kernels::cuda::from_float<T>(normal(random));
  }
  return values;
}

inline void run_kernel(
    const kernels::cuda::Launch& launch,
    ThreadOrder order,
    const std::function<void()>& kernel) {
  run_emulated(
      {static_cast<unsigned>(launch.blocks_x), static_cast<unsigned>(launch.blocks_y),
       launch.threads, launch.shared_bytes, order, 7},
      kernel);
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
      (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
template <typename... Vectors>
bool same_bits(const std::tuple<Vectors...>& a, const std::tuple<Vectors...>& b) {
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return (same_bits(std::get<I>(a), std::get<I>(b)) && ...);
  }
  (std::index_sequence_for<Vectors...>());
}

// `run` takes an order and returns a vector of results, or a tuple of vectors.
template <typename Run>
auto in_every_order(Run run) {
  auto results = run(ThreadOrder::Forward);
  CHECK(same_bits(results, run(ThreadOrder::Reverse)));
  CHECK(same_bits(results, run(ThreadOrder::Shuffled)));
  return results;
}

// The largest difference, relative to numbers above one; NaN only where NaN is
// expected.
template <typename T>
double distance(const std::vector<T>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  double largest = 0.0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double value = to_double(got[i]);
    if (std::isnan(value) && std::isnan(expected[i])) {
      continue;
    }
    const double gap =
        std::abs(value - expected[i]) / std::max(1.0, std::abs(expected[i]));
    largest = std::isnan(gap) ? INFINITY : std::max(largest, gap);
  }
  return largest;
}

} // namespace omni::testing
