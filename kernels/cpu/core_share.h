// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What this process may use of the machine's cores, and what other programs leave it.
// No torch.
#pragma once

#include <sched.h>

#include <cstdint>

namespace omni::kernels::cpu {

// Threads that this process can run at once: the cores it may use, and no more than its
// control groups' quota.
[[nodiscard]] int available_threads();

[[nodiscard]] int64_t now_nanoseconds();

// A moment of a wait by spinning.
void pause_core();

// What this thread has had of a core.
[[nodiscard]] int64_t core_nanoseconds();

// Whether this thread has had its core for long enough to offer it to others: before
// the scheduler would take it away, which gives turns of 3 to 4 ms, in the middle of a
// task.
[[nodiscard]] bool has_had_its_turn();
void offer_core();

// Note [Runs on shared cores]
// The verdicts below are of the whole process. Callers at the same time may disturb
// them, at the cost of one too early.

// A member of a run, 0 its caller, was without a core for so long.
void count_lack(int index, int64_t nanoseconds);
// A run took so long, in which its caller waited for others.
void count_run(int64_t nanoseconds, int64_t waited_nanoseconds);
// Whether others are kept from their cores so often that a caller had better work
// alone.
[[nodiscard]] bool is_better_alone(int64_t now);
// Whether members lack so much of their cores that each should keep to one.
[[nodiscard]] bool is_better_bound(int64_t now);

// Note [Members that share a core]
// With as many members as cores and another program on one of these, the scheduler may
// as well put two members on one core and leave the other core to that program: both
// ways a core has two threads. So each member is kept to a core of its own.
// A caller that lacks its core more than the others do changes with one of them: it
// also has what lies between two runs to do. Only for a run, for a thread hands its
// affinity down to those that it starts.
class BoundToCore {
 public:
  // To one of its cores, where it has as many as there are members.
  BoundToCore(int index, int num_members);
  ~BoundToCore();
  BoundToCore(const BoundToCore&) = delete;
  BoundToCore& operator=(const BoundToCore&) = delete;
  // Whether so many members are to be where they were when this was made.
  [[nodiscard]] bool holds_for(int num_members) const;

 private:
  const int num_members_;
  const unsigned first_core_; // the caller's, counted among those of the members
  cpu_set_t before_;
  bool is_bound_ = false;
};

} // namespace omni::kernels::cpu
