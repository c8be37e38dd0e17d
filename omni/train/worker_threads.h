// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Threads that compute independent pieces at the same time, each alone on its core.
// Small products gain little from two threads within them and lose much when the
// threads wait for each other; two pieces side by side have nothing to wait for.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace omni {

// A thread in which LibTorch computes alone, without helpers of its own. The number of
// threads that the caller computes with stays as it is.
[[nodiscard]] std::thread start_serial_thread(std::function<void()> work);

class WorkerThreads {
 public:
  // With fewer than two workers, run() computes in the calling thread.
  explicit WorkerThreads(int64_t num_workers);
  ~WorkerThreads();
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  // piece(i) for every i in [0, num_pieces), each once, in any order; returns when all
  // are done. Throws what the first piece to fail threw.
  void run(int64_t num_pieces, const std::function<void(int64_t)>& piece);

 private:
  void work();

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(int64_t)>* piece_ = nullptr; // of the run in progress
  int64_t next_ = 0;
  int64_t num_pieces_ = 0;
  int64_t num_unfinished_ = 0;
  std::exception_ptr error_;
  bool is_stopping_ = false;
};

} // namespace omni
