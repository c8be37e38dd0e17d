// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What the cores of this process can do at most, measured: what an op or an engine
// reached is a share of it. No torch, so that a benchmark of other libraries can ask.
// Rates are the best of many short turns; where other programs share the machine's
// memory, ask again and keep the most.
#pragma once

#include <cstddef>
#include <memory>

namespace omni::bench {

// How fast all threads together go through main memory, at most of the turns so far: to
// be asked for turns beside those of what is measured.
class MemoryProbe {
 public:
  explicit MemoryProbe(int num_threads);
  ~MemoryProbe();
  void turn();
  void forget(); // the turns so far
  // Bytes a second; those that are read, and those that are read or written.
  [[nodiscard]] double read() const;
  [[nodiscard]] double copy() const;

 private:
  struct Blocks;
  std::unique_ptr<Blocks> blocks_;
  double read_ = 0.0;
  double copy_ = 0.0;
};

// Of all threads together.
struct MachineLimits {
  double read = 0.0; // bytes a second, of main memory
  double copy = 0.0; // bytes a second, those read and those written
  // Operations a second of products on registers, a multiply and an add are two. bf16
  // and int8 are float32's where the processor has no such instruction; without VNNI
  // int8 is by products of bytes in 16 bits.
  double float32 = 0.0;
  double bf16 = 0.0;
  double int8 = 0.0;
};

[[nodiscard]] MachineLimits measure_limits(int num_threads);

// Bytes a second that all threads read when each goes over its share of `num_bytes`
// again and again: of the cache that holds them.
[[nodiscard]] double read_again_rate(int num_threads, size_t num_bytes);

} // namespace omni::bench
