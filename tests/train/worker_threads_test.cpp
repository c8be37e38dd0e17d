// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/worker_threads.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/torch_threads.h"

namespace omni {
namespace {

TEST_CASE("every piece is done once, by as many threads as there are") {
  for (const int64_t num_workers : {0, 1, 2, 4}) {
    WorkerThreads workers(num_workers);
    for (const int64_t num_pieces : {0, 1, 2, 9}) {
      std::vector<std::atomic<int>> done(static_cast<size_t>(num_pieces));
      workers.run(num_pieces, [&](int64_t i) { ++done[static_cast<size_t>(i)]; });
      for (const auto& count : done) {
        CHECK(count == 1);
      }
    }
  }
}

TEST_CASE("two workers are at work at the same time, each alone on its core") {
  WorkerThreads workers(2);
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::thread::id> threads;
  std::set<int> num_threads;
  workers.run(2, [&](int64_t) {
    std::unique_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
    num_threads.insert(at::get_num_threads());
    changed.notify_all();
    // Neither ends before both have begun.
    CHECK(changed.wait_for(
        lock, std::chrono::seconds(20), [&] { return threads.size() == 2; }));
  });
  CHECK(num_threads == std::set<int>{1});
}

TEST_CASE("what a piece throws reaches the caller, and the next run works") {
  WorkerThreads workers(2);
  CHECK_THROWS_WITH(
      workers.run(
          3,
          [](int64_t i) {
            if (i == 1) {
              throw std::runtime_error("piece 1 failed");
            }
          }),
      "piece 1 failed");
  int sum = 0;
  std::mutex mutex;
  workers.run(3, [&](int64_t i) {
    const std::lock_guard lock(mutex);
    sum += static_cast<int>(i);
  });
  CHECK(sum == 3);
}

TEST_CASE("a serial thread leaves the caller's number of threads, and later ones'") {
  const test::TorchThreads threads(3);
  int inside = 0;
  for (int i = 0; i < 20; ++i) { // whichever of the two threads goes on first
    start_serial_thread([&] { inside = at::get_num_threads(); }).join();
    CHECK(inside == 1);
  }
  CHECK(at::get_num_threads() == 3);
  int later = 0;
  std::thread([&] { later = at::get_num_threads(); }).join();
  CHECK(later == 3);
}

} // namespace
} // namespace omni
