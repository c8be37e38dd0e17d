// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Working memory that calls on one object lend each other: each thread that is inside
// has its own, and what it leaves (buffers, a warm cache) serves the next. Thread-safe.
// Internal: no torch.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace omni {

template <class Scratch>
class ScratchPool {
 public:
  // Gives the memory back when it goes.
  class Lease {
   public:
    Lease(ScratchPool& pool, std::unique_ptr<Scratch> scratch)
        : pool_(pool), scratch_(std::move(scratch)) {}
    ~Lease() {
      pool_.put(std::move(scratch_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Scratch& operator*() const {
      return *scratch_;
    }
    Scratch* operator->() const {
      return scratch_.get();
    }

   private:
    ScratchPool& pool_;
    std::unique_ptr<Scratch> scratch_;
  };

  [[nodiscard]] Lease take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Scratch> scratch = std::move(idle_.back());
        idle_.pop_back();
        return Lease(*this, std::move(scratch));
      }
    }
    return Lease(*this, std::make_unique<Scratch>());
  }

 private:
  // More threads at once than this allocate anew.
  static constexpr size_t kMaxIdle = 32;

  void put(std::unique_ptr<Scratch> scratch) noexcept {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdle) {
      idle_.push_back(std::move(scratch));
    }
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> idle_;
};

} // namespace omni
