// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#pragma once

#include <ATen/Parallel.h>

namespace omni::test {

// Torch has so many threads as long as this lives, however many the tests are run with:
// tests/run.sh gives them one.
class TorchThreads {
 public:
  explicit TorchThreads(int number) : before_(at::get_num_threads()) {
    at::set_num_threads(number);
  }
  ~TorchThreads() {
    at::set_num_threads(before_);
  }
  TorchThreads(const TorchThreads&) = delete;
  TorchThreads& operator=(const TorchThreads&) = delete;

 private:
  int before_;
};

} // namespace omni::test
