// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_team.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace omni::kernels::cpu {
namespace {

using Clock = std::chrono::steady_clock;

// Longer than what lies between two steps of a model, shorter than a scheduler's slice.
constexpr int64_t kSpinNanoseconds = 200'000;
// A caller that has waited longer than this in a run, and for more than half of it, has
// not met uneven shares: another thread is kept from its core again and again.
constexpr int64_t kStallNanoseconds = 1'000'000;
// For how long it then works alone: first short, for it may have been but a moment,
// then twice as long each time that it happens again soon.
constexpr int64_t kLeastSoloNanoseconds = 20'000'000;
constexpr int64_t kMostSoloNanoseconds = 320'000'000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

int64_t nanoseconds_since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin)
      .count();
}

// Cores' worth of time that a control group of version 2 or 1 allows; 0: no limit.
double quota_of_group() {
  std::string quota;
  double period = 0.0;
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file >> quota >> period) {
    return quota == "max" || period <= 0.0 ? 0.0 : std::stod(quota) / period;
  }
  double number = 0.0;
  std::ifstream first("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream second("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (first >> number && second >> period && number > 0.0 && period > 0.0) {
    return number / period;
  }
  return 0.0;
}

} // namespace

int available_threads() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  int count = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) {
    count = CPU_COUNT(&cores);
  }
  const double quota = quota_of_group();
  if (quota > 0.0) {
    count = std::min(count, static_cast<int>(std::ceil(quota)));
  }
  return std::max(count, 1);
}

namespace {

int64_t now_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             Clock::now().time_since_epoch())
      .count();
}

// Until when callers work alone, and how long that was or is.
std::atomic<int64_t> solo_end_nanoseconds{0};
std::atomic<int64_t> solo_nanoseconds{kLeastSoloNanoseconds};

void begin_solo() {
  const int64_t now = now_nanoseconds();
  const int64_t last = solo_nanoseconds.load(std::memory_order_relaxed);
  const bool is_soon =
      now < solo_end_nanoseconds.load(std::memory_order_relaxed) + last;
  const int64_t length =
      is_soon ? std::min(2 * last, kMostSoloNanoseconds) : kLeastSoloNanoseconds;
  solo_nanoseconds.store(length, std::memory_order_relaxed);
  solo_end_nanoseconds.store(now + length, std::memory_order_relaxed);
}

// Whether at::parallel_for gives so many threads a task each: OMP_THREAD_LIMIT may keep
// it from that, and members that wait for one that never comes would wait for ever.
bool gives_each_one(int num_threads) {
  static std::atomic<int> known_to{0}; // the last number that it did
  if (known_to.load(std::memory_order_relaxed) == num_threads) {
    return true;
  }
  std::atomic<int> num_calls{0};
  at::parallel_for(0, num_threads, 1, [&](int64_t, int64_t) { ++num_calls; });
  const bool does = num_calls == num_threads;
  known_to.store(does ? num_threads : 0, std::memory_order_relaxed);
  return does;
}

// Spins, then sleeps, until `value` is no longer `old`; says for how long.
int64_t wait_nanoseconds(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < 64; ++i) { // most waits are over before the clock is read
    if (value.load(std::memory_order_acquire) != old) {
      return 0;
    }
    pause();
  }
  const Clock::time_point begin = Clock::now();
  while (value.load(std::memory_order_acquire) == old) {
    if (nanoseconds_since(begin) > kSpinNanoseconds) {
      value.wait(old, std::memory_order_acquire);
      continue;
    }
    for (int i = 0; i < 16; ++i) {
      pause();
    }
  }
  return nanoseconds_since(begin);
}

} // namespace

ThreadTeam::ThreadTeam(int num_threads) {
  static const int available = available_threads();
  num_threads_ = std::clamp(num_threads, 1, std::min(at::get_num_threads(), available));
}

ThreadTeam::ThreadTeam() : ThreadTeam(at::get_num_threads()) {}

ThreadTeam::Member::Member(Run& run, int index, int num_active)
    : run_(run), index_(index), num_active_(num_active), begin_(now_nanoseconds()) {}

// Note [Setting a counter back]
// The counter of this loop is set back in the next one, when all members have left it;
// the next loop's has been set back during this one. So one barrier a loop is enough.
void ThreadTeam::Member::end_tasks() {
  if (index_ == 0) {
    run_.counters[(loop_ + 1) % 2].next.store(0, std::memory_order_relaxed);
  }
  ++loop_;
  if (num_active_ == 1) {
    return;
  }
  const uint32_t meeting = run_.num_meetings.load(std::memory_order_acquire);
  const uint32_t arrived = run_.num_arrived.fetch_add(1, std::memory_order_acq_rel) + 1;
  if (arrived == static_cast<uint32_t>(num_active_)) {
    run_.num_arrived.store(0, std::memory_order_relaxed);
    run_.num_meetings.store(meeting + 1); // seen before notify_all looks for sleepers
    run_.num_meetings.notify_all();
    return;
  }
  waited_ += wait_nanoseconds(run_.num_meetings, meeting);
}

bool ThreadTeam::Member::has_stalled() const {
  const int64_t elapsed = now_nanoseconds() - begin_;
  return waited_ > std::max(kStallNanoseconds, elapsed / 2);
}

void ThreadTeam::run_erased(Function function, const void* data) const {
  Run run;
  const bool is_alone = num_threads_ == 1 || at::in_parallel_region() ||
      now_nanoseconds() < solo_end_nanoseconds.load(std::memory_order_relaxed) ||
      !gives_each_one(num_threads_);
  if (is_alone) {
    Member member(run, 0, 1);
    function(data, member);
    return;
  }
  at::parallel_for(0, num_threads_, 1, [&](int64_t index, int64_t) {
    Member member(run, static_cast<int>(index), num_threads_);
    function(data, member);
    if (index == 0 && member.has_stalled()) {
      begin_solo();
    }
  });
}

} // namespace omni::kernels::cpu
