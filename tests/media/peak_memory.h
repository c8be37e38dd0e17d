// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How much memory a piece of a test has asked for at its peak, touched or not. The
// allocator of the test program is replaced by one that counts, where the C library is
// glibc; elsewhere nothing is measured, and a warning says so.
#pragma once

#include <cstdint>

namespace omni::test {

class PeakMemory {
 public:
  PeakMemory(); // measures from here

  // Bytes of all threads, above those held at the start.
  [[nodiscard]] int64_t grown_bytes() const;
  void check_grew_less_than(int64_t mib) const;

 private:
  int64_t before_bytes_;
};

} // namespace omni::test
