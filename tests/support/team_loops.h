// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Work for a thread team that notices what goes wrong. No torch, no test framework.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/cpu/thread_team.h"

namespace omni::test {

using kernels::cpu::ThreadTeam;

// The two ways of running a function by a team: with torch's threads, and with the
// process's own.
enum class Way { WaitForAll, WaitForLoops };
inline constexpr std::array<Way, 2> kWays = {Way::WaitForAll, Way::WaitForLoops};

template <typename Body>
void run(Way way, const ThreadTeam& team, const Body& body) {
  way == Way::WaitForAll ? team.run(body) : team.run_loops(body);
}

// Loops of so many tasks each, in one run. Counts how often each task is done, and how
// often members go on to a loop before all tasks of the one before are done.
class TeamLoops {
 public:
  explicit TeamLoops(std::vector<int64_t> sizes)
      : sizes_(std::move(sizes)), num_done_(sizes_.size()) {
    for (const int64_t size : sizes_) {
      counts_.emplace_back(static_cast<size_t>(size));
    }
  }

  // Returns how many loops were over before this member came to them; -1 when the run
  // has ended without it, and this may be gone.
  int go_through(
      ThreadTeam::Member& member,
      std::chrono::nanoseconds of_a_task = std::chrono::nanoseconds(0)) {
    int num_missed = 0;
    for (size_t loop = 0; loop < sizes_.size(); ++loop) {
      const int64_t size = sizes_[loop];
      num_missed += member.takes_part() ? 0 : 1;
      num_early_ += !member.takes_part() && num_done_[loop] != size;
      for (int64_t task = 0; (task = member.next_task(size)) >= 0;) {
        const auto end = std::chrono::steady_clock::now() + of_a_task;
        while (std::chrono::steady_clock::now() < end) {
        }
        ++counts_[loop][static_cast<size_t>(task)];
        ++num_done_[loop];
      }
      if (!member.end_tasks()) {
        return -1;
      }
      num_early_ += num_done_[loop] != size;
    }
    return num_missed;
  }

  // Tasks not done once, and members too early.
  [[nodiscard]] int num_wrong() const {
    int wrong = num_early_;
    for (const std::vector<std::atomic<int>>& counts : counts_) {
      for (const std::atomic<int>& count : counts) {
        wrong += count.load() != 1;
      }
    }
    return wrong;
  }

 private:
  std::vector<int64_t> sizes_;
  std::vector<std::vector<std::atomic<int>>> counts_;
  std::vector<std::atomic<int64_t>> num_done_;
  std::atomic<int> num_early_{0};
};

inline std::vector<int64_t> many_sizes(int64_t num_loops) {
  constexpr std::array<int64_t, 6> kSizes = {7, 1, 0, 64, 2, 300};
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < num_loops; ++i) {
    sizes.push_back(kSizes[static_cast<size_t>(i) % kSizes.size()]);
  }
  return sizes;
}

inline int num_members_of_run(const ThreadTeam& team) {
  std::atomic<int> num_members = 0;
  team.run([&](ThreadTeam::Member&) { ++num_members; });
  return num_members;
}

// Counts the members and waits, for some time, until all of the team have come.
inline void meet(std::atomic<int>& num_members, const ThreadTeam& team) {
  ++num_members;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  while (num_members < team.num_threads() && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
}

// Tries for some time until an attempt succeeds: a thread may lose its core at any
// moment, and the caller that waited for it works alone for a while.
template <typename Attempt>
bool succeeds_in_time(const Attempt& attempt) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < end) {
    if (attempt()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// The same with all threads of a team; `run` says how many took part.
template <typename Run>
bool with_all(const ThreadTeam& team, const Run& run) {
  return succeeds_in_time([&] { return run() == team.num_threads(); });
}

} // namespace omni::test
