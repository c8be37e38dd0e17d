// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Threads that run one function together, loop by loop over tasks, for work whose loops
// take microseconds. They are those of at::parallel_for, so that there is one pool in
// the process, entered once for many loops. Waiting is by spinning for a bounded time,
// then asleep: a thread that was put off its core can be moved to the one that waits
// for it. A core that other programs want too is given up between loops, so that nobody
// waits for a task on it; then each thread also stays on a core of its own. When the
// caller has waited too long even so, it works alone for a while.
#pragma once

#include <atomic>
#include <cstdint>

namespace omni::kernels::cpu {

class ThreadTeam {
 public:
  // `num_threads` with the caller; at most at::get_num_threads() and what
  // available_threads() says.
  explicit ThreadTeam(int num_threads);
  // As many as there may be.
  ThreadTeam();

  // What a function run by the team knows of it.
  class Member;

  // Calls `body(Member&)` in every thread; returns when all have. `body` must not
  // throw. Within a parallel region of at:: the caller works alone.
  template <typename Body>
  void run(const Body& body) const {
    run_erased(
        [](const void* data, Member& member) {
          (*static_cast<const Body*>(data))(member);
        },
        &body);
  }

  [[nodiscard]] int num_threads() const {
    return num_threads_;
  }

 private:
  // What the members of one run share.
  struct Run {
    // The loop that the members are in, how many of them are through with it, and how
    // many take part: see thread_team.cpp.
    alignas(64) std::atomic<uint64_t> meeting{0};
    // A loop, and the next of its tasks.
    alignas(64) std::atomic<uint64_t> ticket{0};
    // Nanoseconds that the members were without a core, in all.
    alignas(64) std::atomic<int64_t> lacking{0};
  };
  using Function = void (*)(const void* data, Member& member);

  void run_erased(Function function, const void* data) const;

  int num_threads_;
};

// Every member goes through the same loops over tasks. One that was away comes back to
// loops that the others have finished; it passes over them.
class ThreadTeam::Member {
 public:
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
  void end_tasks();
  [[nodiscard]] int index() const {
    return index_;
  }

 private:
  friend class ThreadTeam;
  Member(Run& run, int index, bool is_alone);
  void join();
  void leave();
  void arrive();
  void wait();

  Run& run_;
  const int index_;
  const bool is_alone_;
  uint32_t loop_ = 0; // that this member is at, counted from 0
  uint32_t joined_ = 0; // the one that the run was in when it last joined, or later
  int64_t waited_ = 0; // nanoseconds
};

// Threads that this process can run at once: the cores it may use, and no more than its
// control group's quota.
[[nodiscard]] int available_threads();

} // namespace omni::kernels::cpu
