// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Threads that run one function together and meet at barriers, for work whose steps
// take microseconds. They are those of at::parallel_for, so that there is one pool in
// the process, entered once for many steps. Waiting is by spinning for a bounded time,
// then asleep: a thread that was put off its core can be moved to the one that waits
// for it. When the caller has waited too long, it works alone for a while.
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
    alignas(64) std::atomic<uint32_t> num_arrived{0};
    alignas(64) std::atomic<uint32_t> num_meetings{0};
    // Two counters in turn: one serves, the other is set back meanwhile.
    struct alignas(64) Counter {
      std::atomic<int64_t> next{0};
    };
    Counter counters[2];
  };
  using Function = void (*)(const void* data, Member& member);

  void run_erased(Function function, const void* data) const;

  int num_threads_;
};

class ThreadTeam::Member {
 public:
  // The next task of `num_tasks`, handed out in order to whoever asks first; -1 when
  // none is left. Every member goes through the same loops over tasks.
  int64_t next_task(int64_t num_tasks) {
    const int64_t task =
        run_.counters[loop_ % 2].next.fetch_add(1, std::memory_order_relaxed);
    return task < num_tasks ? task : -1;
  }
  // After a loop: all wait until all have come.
  void end_tasks();
  [[nodiscard]] int index() const {
    return index_;
  }

 private:
  friend class ThreadTeam;
  Member(Run& run, int index, int num_active);
  // Whether most of the run so far was spent waiting for others.
  [[nodiscard]] bool has_stalled() const;

  Run& run_;
  const int index_;
  const int num_active_;
  int64_t loop_ = 0; // which of the loops over tasks this is
  const int64_t begin_; // nanoseconds, as the next
  int64_t waited_ = 0;
};

// Threads that this process can run at once: the cores it may use, and no more than its
// control group's quota.
[[nodiscard]] int available_threads();

} // namespace omni::kernels::cpu
