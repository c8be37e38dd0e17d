// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Threads of the process's own that stay, asleep while there is nothing to do, and join
// the runs of one caller at a time. A run does not wait for those of them that lack a
// core between its loops. No torch.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "kernels/cpu/team_member.h"

namespace omni::kernels::cpu {

class ThreadCrew {
 public:
  // The process's.
  static ThreadCrew& get();

  // Calls `function` in `num_members` threads, this one the first, and returns once
  // this one is through and no other is in a loop. Nothing and false where the crew is
  // in a run already, be it this thread's, and in a forked process, which has no crew.
  bool try_run(int num_members, TeamFunction function, const void* data);

 private:
  ThreadCrew() = default;
  void hire(int num_threads);
  void serve(int index);
  [[nodiscard]] uint32_t wait_for_other(uint32_t first_loop, bool spins);

  const pid_t process_ = getpid();
  std::atomic_flag is_taken_;
  int num_hired_ = 0;
  TeamRun run_;
  std::mutex mutex_; // of those that fall asleep
  std::condition_variable has_begun_;
};

} // namespace omni::kernels::cpu
