// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How much resident memory a piece of a test adds at its peak. Where the kernel does
// not let the process start its peak again, nothing is measured, and a warning says so.
#pragma once

#include <cstdint>

namespace omni::test {

class PeakMemory {
 public:
  PeakMemory(); // measures from here

  void check_grew_less_than(int64_t mib) const;

 private:
  bool is_measured_;
  int64_t before_mib_;
};

} // namespace omni::test
