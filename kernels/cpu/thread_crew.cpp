// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_crew.h"

#include <optional>
#include <system_error>
#include <thread>

#include "kernels/cpu/core_share.h"

namespace omni::kernels::cpu {
namespace {

// Longer than what lies between two steps of a model.
constexpr int64_t kSpinBetweenRunsNanoseconds = 2'000'000;

} // namespace

ThreadCrew& ThreadCrew::get() {
  static ThreadCrew& crew = *new ThreadCrew; // its threads outlive all statics
  return crew;
}

bool ThreadCrew::try_run(int num_members, TeamFunction function, const void* data) {
  if (getpid() != process_ || is_taken_.test_and_set(std::memory_order_acquire)) {
    return false;
  }
  hire(num_members - 1);
  const int64_t begin = now_nanoseconds();
  run_.begin(num_members, function, data);
  { const std::lock_guard lock(mutex_); } // who is falling asleep is so now
  has_begun_.notify_all();
  int64_t waited = 0;
  {
    std::optional<BoundToCore> bound;
    if (is_better_bound(begin)) {
      bound.emplace(0, num_members);
    }
    waited = TeamMember::take_part(run_, run_.first_loop(), 0);
    const int64_t work_end = now_nanoseconds();
    run_.end();
    waited += now_nanoseconds() - work_end;
  }
  count_run(now_nanoseconds() - begin, waited);
  is_taken_.clear(std::memory_order_release);
  return true;
}

void ThreadCrew::hire(int num_threads) {
  try {
    for (; num_hired_ < num_threads; ++num_hired_) {
      std::thread([this, index = num_hired_ + 1] { serve(index); }).detach();
    }
  } catch (const std::system_error&) {
    // No more threads are to be had: the run goes without them.
  }
}

// Sleeps, where it `spins` only after a while, until another run is open than that
// which began with `first_loop`. Returns the loop it began with.
uint32_t ThreadCrew::wait_for_other(uint32_t first_loop, bool spins) {
  uint32_t found = first_loop;
  const auto is_there = [&] {
    const bool is_open = run_.is_open();
    found = run_.first_loop();
    return is_open && found != first_loop;
  };
  for (const int64_t begin = now_nanoseconds();
       spins && now_nanoseconds() - begin < kSpinBetweenRunsNanoseconds;) {
    for (int i = 0; i < 16; ++i) {
      if (is_there()) {
        return found;
      }
      pause_core();
    }
  }
  std::unique_lock lock(mutex_);
  has_begun_.wait(lock, is_there);
  return found;
}

void ThreadCrew::serve(int index) {
  // Kept from run to run, for this thread starts no other.
  std::optional<BoundToCore> bound;
  bool is_needed = true;
  for (uint32_t run = 0;;) {
    run = wait_for_other(run, is_needed);
    const int num_members = run_.num_members();
    is_needed = index < num_members;
    if (!is_needed) {
      continue;
    }
    const bool is_bound = is_better_bound(now_nanoseconds());
    if (bound && !(is_bound && bound->holds_for(num_members))) {
      bound.reset();
    }
    if (is_bound && !bound) {
      bound.emplace(index, num_members);
    }
    TeamMember::take_part(run_, run, index);
  }
}

} // namespace omni::kernels::cpu
