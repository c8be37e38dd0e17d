// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/team_member.h"

#include <sched.h>

#include "kernels/cpu/core_share.h"

namespace omni::kernels::cpu {
namespace {

// Longer than uneven tasks take, shorter than a scheduler's slice.
constexpr int64_t kSpinNanoseconds = 200'000;

// Note [Meetings]
// The state of a run is one number, so that all of it changes at once. A member is in a
// loop from when it joins it until it finds no task left to take and has done its own.
// When nobody is in a loop any more, it is over and the next begins; who waits for that
// joins the loop that it then finds, and the loop cannot end without it. All loops
// before are over, and what they wrote is seen by whoever joins.
// So nobody waits for a member that waits itself, or has offered its core to others:
// should it lack a core, the others go through the next loops, or end the run.
// Loops are counted on from run to run: a number stands for a loop of one run only.
struct Meeting {
  uint32_t loop = 0;
  bool is_open = false;
  uint32_t num_in_loop = 0;

  explicit Meeting(uint64_t state)
      : loop(static_cast<uint32_t>(state >> 32)),
        is_open((state >> 31 & 1) != 0),
        num_in_loop(static_cast<uint32_t>(state & 0x7FFFFFFF)) {}
  [[nodiscard]] uint64_t state() const {
    return uint64_t{loop} << 32 | uint64_t{is_open} << 31 | num_in_loop;
  }
};

// Spins, then sleeps, until `is_awaited(meeting)`. Returns about how long that took,
// 0 where it was short.
template <typename Awaited>
int64_t wait_until(const std::atomic<uint64_t>& meeting, const Awaited& is_awaited) {
  for (int i = 0; i < 64; ++i) { // most waits are over before the clock is read
    if (is_awaited(Meeting(meeting.load(std::memory_order_acquire)))) {
      return 0;
    }
    pause_core();
  }
  const int64_t begin = now_nanoseconds();
  for (uint64_t state = 0;
       !is_awaited(Meeting(state = meeting.load(std::memory_order_acquire)));) {
    if (now_nanoseconds() - begin > kSpinNanoseconds) {
      meeting.wait(state, std::memory_order_acquire);
      continue;
    }
    for (int i = 0; i < 16; ++i) {
      pause_core();
    }
  }
  return now_nanoseconds() - begin;
}

} // namespace

void TeamRun::begin(int num_members, TeamFunction function, const void* data) {
  Meeting meeting(meeting_.load(std::memory_order_acquire));
  num_members_.store(num_members, std::memory_order_relaxed);
  function_ = function;
  data_ = data;
  first_loop_.store(meeting.loop, std::memory_order_release);
  meeting.is_open = true;
  meeting_.store(meeting.state(), std::memory_order_release);
}

void TeamRun::end() {
  uint64_t seen = meeting_.load(std::memory_order_acquire);
  for (bool is_closed = false; !is_closed;) {
    Meeting next(seen);
    ++next.loop;
    next.is_open = false;
    is_closed = meeting_.compare_exchange_weak(
        seen, next.state(), std::memory_order_acq_rel, std::memory_order_acquire);
  }
  while (Meeting(meeting_.load(std::memory_order_acquire)).num_in_loop > 0) {
    sched_yield();
  }
}

bool TeamRun::is_open() const {
  return Meeting(meeting_.load(std::memory_order_acquire)).is_open;
}

int64_t TeamMember::take_part(TeamRun& run, uint32_t first_loop, int index) {
  TeamMember member(run, first_loop, index, false);
  const int64_t begin = now_nanoseconds(), had = core_nanoseconds();
  if (!member.join()) {
    return 0;
  }
  run.function_(run.data_, member);
  if (member.is_in_loop_) {
    member.leave(false);
  }
  count_lack(index, now_nanoseconds() - begin - (core_nanoseconds() - had));
  return member.waited_;
}

void TeamMember::work_alone(TeamFunction function, const void* data) {
  TeamRun run;
  TeamMember member(run, 0, 0, true);
  function(data, member);
}

TeamMember::TeamMember(TeamRun& run, uint32_t first_loop, int index, bool is_alone)
    : run_(run),
      first_loop_(first_loop),
      index_(index),
      is_alone_(is_alone),
      loop_(first_loop),
      joined_(first_loop) {}

bool TeamMember::join() {
  uint64_t seen = run_.meeting_.load(std::memory_order_acquire);
  for (;;) {
    Meeting next(seen);
    // That of another run is there before that run is open.
    if (!next.is_open || run_.first_loop() != first_loop_) {
      return false;
    }
    ++next.num_in_loop;
    if (run_.meeting_.compare_exchange_weak(
            seen, next.state(), std::memory_order_acq_rel, std::memory_order_acquire)) {
      is_in_loop_ = true;
      joined_ = next.loop;
      return true;
    }
  }
}

// Out of the loop that this member is in. The last ends it, and where it `goes_on` is
// in the next one: then true.
bool TeamMember::leave(bool goes_on) {
  uint64_t seen = run_.meeting_.load(std::memory_order_acquire);
  for (;;) {
    Meeting next(seen);
    const bool is_last = --next.num_in_loop == 0;
    next.loop += is_last;
    next.num_in_loop += is_last && goes_on;
    if (!run_.meeting_.compare_exchange_weak(
            seen, next.state(), std::memory_order_acq_rel, std::memory_order_acquire)) {
      continue;
    }
    if (is_last) {
      run_.meeting_.notify_all();
    }
    is_in_loop_ = is_last && goes_on;
    joined_ = next.loop;
    return is_in_loop_;
  }
}

int64_t TeamMember::next_task(int64_t num_tasks) {
  if (!takes_part()) {
    return -1;
  }
  uint64_t seen = run_.ticket_.load(std::memory_order_relaxed);
  for (;;) {
    // The first to ask in a loop finds the tickets of another.
    const uint64_t next = seen >> 32 == loop_ ? seen & 0xFFFFFFFF : 0;
    if (static_cast<int64_t>(next) >= num_tasks) {
      return -1;
    }
    if (run_.ticket_.compare_exchange_weak(
            seen, uint64_t{loop_} << 32 | (next + 1), std::memory_order_relaxed)) {
      return static_cast<int64_t>(next);
    }
  }
}

bool TeamMember::end_tasks() {
  const bool took_part = takes_part();
  ++loop_;
  if (is_alone_) {
    joined_ = loop_;
    return true;
  }
  if (!took_part) {
    return run_.is_open();
  }
  if (has_had_its_turn()) {
    leave(false);
    offer_core();
  } else if (leave(true)) {
    return true;
  }
  waited_ += wait_until(
      run_.meeting_, [&](const Meeting& meeting) { return meeting.loop != loop_ - 1; });
  return join();
}

} // namespace omni::kernels::cpu
