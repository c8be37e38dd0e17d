// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Threads of the process's own that stay, asleep while there is nothing to do, and join
// the runs of one caller at a time. A run does not wait for those of them that lack a
// core. No torch.
#pragma once

#include <atomic>

#include "kernels/cpu/team_member.h"

namespace omni::kernels::cpu {

class ThreadCrew {
 public:
  // The process's.
  static ThreadCrew& get();

  // Calls `function` in `num_members` threads, this one the first, and returns once
  // this one is through and no other is in a loop. Nothing and false where the crew is
  // in a run already, be it this thread's.
  bool try_run(int num_members, TeamFunction function, const void* data);

 private:
  ThreadCrew() = default;
  void hire(int num_threads);
  void serve(int index);

  std::atomic_flag is_taken_;
  int num_hired_ = 0;
  TeamRun run_;
};

} // namespace omni::kernels::cpu
