// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Programs that want every core, as long as this lives. No torch.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

namespace omni::test {

class BusyCores {
 public:
  explicit BusyCores(int num_cores) {
    for (int i = 0; i < num_cores; ++i) {
      threads_.emplace_back([this] {
        while (!is_over_.load(std::memory_order_relaxed)) {
        }
      });
    }
  }
  ~BusyCores() {
    is_over_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }
  BusyCores(const BusyCores&) = delete;
  BusyCores& operator=(const BusyCores&) = delete;

 private:
  std::atomic<bool> is_over_{false};
  std::vector<std::thread> threads_;
};

} // namespace omni::test
