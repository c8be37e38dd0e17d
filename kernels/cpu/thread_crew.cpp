// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_crew.h"

#include <optional>
#include <system_error>
#include <thread>

#include "kernels/cpu/core_share.h"

namespace omni::kernels::cpu {

ThreadCrew& ThreadCrew::get() {
  static ThreadCrew& crew = *new ThreadCrew; // its threads outlive all statics
  return crew;
}

bool ThreadCrew::try_run(int num_members, TeamFunction function, const void* data) {
  if (is_taken_.test_and_set(std::memory_order_acquire)) {
    return false;
  }
  hire(num_members - 1);
  const int64_t begin = now_nanoseconds();
  run_.begin(num_members, function, data);
  int64_t waited = 0;
  {
    std::optional<BoundToCore> bound;
    if (is_better_bound(begin)) {
      bound.emplace(0, num_members);
    }
    waited = TeamMember::take_part(run_, run_.first_loop(), 0);
  }
  run_.end();
  count_run(now_nanoseconds() - begin, waited);
  is_taken_.clear(std::memory_order_release);
  return true;
}

// A forked process has none of those hired before: its caller works alone.
void ThreadCrew::hire(int num_threads) {
  try {
    for (; num_hired_ < num_threads; ++num_hired_) {
      std::thread([this, index = num_hired_ + 1] { serve(index); }).detach();
    }
  } catch (const std::system_error&) {
    // No more threads are to be had: the run goes without them.
  }
}

void ThreadCrew::serve(int index) {
  // Kept from run to run, for this thread starts no other.
  std::optional<BoundToCore> bound;
  for (uint32_t run = 0;;) {
    run = run_.wait_for_other(run);
    const int num_members = run_.num_members();
    if (index >= num_members) {
      continue;
    }
    const bool is_bound = is_better_bound(now_nanoseconds());
    if (bound && !(is_bound && bound->is_current())) {
      bound.reset();
    }
    if (is_bound && !bound) {
      bound.emplace(index, num_members);
    }
    TeamMember::take_part(run_, run, index);
  }
}

} // namespace omni::kernels::cpu
