// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/worker_threads.h"

#include <ATen/Parallel.h>

#include <future>
#include <utility>

namespace omni {

// Note [The number of threads]
// at::set_num_threads() holds for its thread and for those that compute for the first
// time later. So the number is set in the new thread, and then set again here for the
// threads that are still to come.
std::thread start_serial_thread(std::function<void()> work) {
  const int num_threads = at::get_num_threads();
  std::promise<void> is_set;
  std::future<void> begins = is_set.get_future();
  std::thread thread([work = std::move(work), is_set = std::move(is_set)]() mutable {
    static_cast<void>(at::get_num_threads());
    at::set_num_threads(1);
    is_set.set_value();
    work();
  });
  begins.wait();
  at::set_num_threads(num_threads);
  return thread;
}

WorkerThreads::WorkerThreads(int64_t num_workers) {
  for (int64_t i = 0; num_workers > 1 && i < num_workers; ++i) {
    threads_.push_back(start_serial_thread([this] { work(); }));
  }
}

WorkerThreads::~WorkerThreads() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void WorkerThreads::run(int64_t num_pieces, const std::function<void(int64_t)>& piece) {
  if (threads_.empty()) {
    for (int64_t i = 0; i < num_pieces; ++i) {
      piece(i);
    }
    return;
  }
  std::unique_lock lock(mutex_);
  piece_ = &piece;
  next_ = 0;
  num_pieces_ = num_pieces;
  num_unfinished_ = num_pieces;
  changed_.notify_all();
  changed_.wait(lock, [this] { return num_unfinished_ == 0; });
  piece_ = nullptr;
  if (error_) {
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void WorkerThreads::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] {
      return is_stopping_ || (piece_ != nullptr && next_ < num_pieces_);
    });
    if (is_stopping_) {
      return;
    }
    const int64_t i = next_++;
    const auto& piece = *piece_;
    lock.unlock();
    std::exception_ptr error;
    try {
      piece(i);
    } catch (...) { // handed to the thread that called run()
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) {
      error_ = error;
    }
    if (--num_unfinished_ == 0) {
      changed_.notify_all();
    }
  }
}

} // namespace omni
