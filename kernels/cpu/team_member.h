// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A thread among those that run one function together, loop by loop over tasks. Waiting
// is by spinning for a bounded time, then asleep: a thread that was put off its core
// can be moved to the one that waits for it. A core that other programs want too is
// given up between loops, so that nobody waits for a task on it. No torch.
#pragma once

#include <atomic>
#include <cstdint>

namespace omni::kernels::cpu {

class TeamMember;
using TeamFunction = void (*)(const void* data, TeamMember& member);

// What the members of one run share: open from begin() to end(), of one run after the
// other.
class TeamRun {
 public:
  void begin(int num_members, TeamFunction function, const void* data);
  // Once its caller is through all loops: no other comes in, and those in are waited
  // for, which find it over.
  void end();

  [[nodiscard]] bool is_open() const;
  // The loop that the last run began with, by which it is known; 0 before the first.
  [[nodiscard]] uint32_t first_loop() const {
    return first_loop_.load(std::memory_order_acquire);
  }
  // Of the last run.
  [[nodiscard]] int num_members() const {
    return num_members_.load(std::memory_order_relaxed);
  }

 private:
  friend class TeamMember;

  // The loop that the members are in, whether the run is open, and how many members are
  // in the loop: see team_member.cpp.
  alignas(64) std::atomic<uint64_t> meeting_{uint64_t{1} << 32};
  // A loop, and the next of its tasks.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<uint32_t> first_loop_{0};
  std::atomic<int> num_members_{0};
  // Read only by who is in a loop.
  TeamFunction function_ = nullptr;
  const void* data_ = nullptr;
};

// Every member goes through the same loops over tasks. One that was away comes back to
// loops that the others have finished; it passes over them.
class TeamMember {
 public:
  // Goes through the loops of the run as member `index`. Nothing where the run that
  // began with `first_loop` is not open any more. Returns the nanoseconds that this
  // member has waited for others.
  static int64_t take_part(TeamRun& run, uint32_t first_loop, int index);
  // Calls `function` with the only member.
  static void work_alone(TeamFunction function, const void* data);

  // Whether the loop that this member is at still needs it: until end_tasks() nobody
  // goes on to the next one then, and what earlier loops wrote stays as it is. If not,
  // later loops may be writing already.
  [[nodiscard]] bool takes_part() const {
    return loop_ == joined_;
  }
  // The next task of `num_tasks`, handed out in order to whoever asks first; -1 when
  // none is left.
  int64_t next_task(int64_t num_tasks);
  // After a loop, once next_task() gave -1: waits until all of its tasks are done.
  // False where the run has ended without this member, as only ThreadTeam::run_loops
  // allows: nothing of the caller's may be touched then, not even read.
  bool end_tasks();
  [[nodiscard]] int index() const {
    return index_;
  }

  TeamMember(const TeamMember&) = delete;
  TeamMember& operator=(const TeamMember&) = delete;

 private:
  TeamMember(TeamRun& run, uint32_t first_loop, int index, bool is_alone);
  bool join();
  bool leave(bool goes_on);

  TeamRun& run_;
  const uint32_t first_loop_; // of the run
  const int index_;
  const bool is_alone_;
  uint32_t loop_; // that this member is at
  uint32_t joined_; // that it is in, this one or a later one
  bool is_in_loop_ = false;
  int64_t waited_ = 0; // nanoseconds
};

} // namespace omni::kernels::cpu
