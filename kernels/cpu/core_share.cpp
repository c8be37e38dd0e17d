// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/core_share.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <ctime>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/cpu/cpu_quota.h"

namespace omni::kernels::cpu {
namespace {

constexpr int64_t kTurnNanoseconds = 2'000'000;
// A caller that has waited longer than this in a run, and for more than half of it, has
// not met uneven shares: another thread is kept from its core again and again.
constexpr int64_t kStallNanoseconds = 1'000'000;
// For how long it then works alone: first short, for it may have been but a moment,
// then twice as long each time that it happens again soon.
constexpr int64_t kLeastSoloNanoseconds = 20'000'000;
constexpr int64_t kMostSoloNanoseconds = 320'000'000;
// Members that lacked more than this of a core while runs took kShareNanoseconds share
// their cores with other programs, and are each bound to one for a while.
constexpr double kLackingCores = 0.25;
constexpr int64_t kShareNanoseconds = 8'000'000;
constexpr int64_t kBoundNanoseconds = 500'000'000;
// A caller changes its core when of all that members lack this part is its own.
constexpr double kLackingCaller = 0.75;

// Until when callers work alone, and how long that was or is.
std::atomic<int64_t> solo_end_nanoseconds{0};
std::atomic<int64_t> solo_nanoseconds{kLeastSoloNanoseconds};
// Of runs since the last verdict: what they took, and what their members lacked.
std::atomic<int64_t> spent_nanoseconds{0};
std::atomic<int64_t> lacking_nanoseconds{0};
std::atomic<int64_t> caller_lacking_nanoseconds{0};
// Until when members are bound, and from which core on.
std::atomic<int64_t> bound_end_nanoseconds{0};
std::atomic<unsigned> first_core{0};

// When this thread last offered its core to others.
thread_local int64_t turn_begin_nanoseconds = 0;

void begin_solo(int64_t now) {
  const int64_t last = solo_nanoseconds.load(std::memory_order_relaxed);
  const bool is_soon =
      now < solo_end_nanoseconds.load(std::memory_order_relaxed) + last;
  const int64_t length =
      is_soon ? std::min(2 * last, kMostSoloNanoseconds) : kLeastSoloNanoseconds;
  solo_nanoseconds.store(length, std::memory_order_relaxed);
  solo_end_nanoseconds.store(now + length, std::memory_order_relaxed);
}

} // namespace

int available_threads() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  int count = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) {
    count = CPU_COUNT(&cores);
  }
  if (const auto quota = cpu_quota(); quota && *quota < count) {
    count = static_cast<int>(std::ceil(*quota));
  }
  return std::max(count, 1);
}

int64_t now_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void pause_core() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t core_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool has_had_its_turn() {
  return now_nanoseconds() - turn_begin_nanoseconds > kTurnNanoseconds;
}

void offer_core() {
  sched_yield(); // at once back where nobody else wants it
  turn_begin_nanoseconds = now_nanoseconds();
}

void count_lack(int index, int64_t nanoseconds) {
  lacking_nanoseconds.fetch_add(nanoseconds, std::memory_order_relaxed);
  if (index == 0) {
    caller_lacking_nanoseconds.fetch_add(nanoseconds, std::memory_order_relaxed);
  }
}

void count_run(int64_t nanoseconds, int64_t waited_nanoseconds) {
  const int64_t now = now_nanoseconds();
  if (waited_nanoseconds > std::max(kStallNanoseconds, nanoseconds / 2)) {
    begin_solo(now);
  }
  const int64_t spent = spent_nanoseconds.fetch_add(nanoseconds) + nanoseconds;
  if (spent < kShareNanoseconds) {
    return;
  }
  spent_nanoseconds.store(0);
  const auto lacked = static_cast<double>(lacking_nanoseconds.exchange(0));
  const auto of_caller = static_cast<double>(caller_lacking_nanoseconds.exchange(0));
  if (lacked <= kLackingCores * static_cast<double>(spent)) {
    return;
  }
  if (is_better_bound(now) && of_caller > kLackingCaller * lacked) {
    first_core.fetch_add(1, std::memory_order_relaxed);
  }
  bound_end_nanoseconds.store(now + kBoundNanoseconds);
}

bool is_better_alone(int64_t now) {
  return now < solo_end_nanoseconds.load(std::memory_order_relaxed);
}

bool is_better_bound(int64_t now) {
  return now < bound_end_nanoseconds.load(std::memory_order_relaxed);
}

BoundToCore::BoundToCore(int index, int num_members)
    : num_members_(num_members),
      first_core_(first_core.load(std::memory_order_relaxed)) {
  if (sched_getaffinity(0, sizeof(before_), &before_) != 0 ||
      CPU_COUNT(&before_) != num_members) {
    return;
  }
  cpu_set_t own;
  CPU_ZERO(&own);
  index = static_cast<int>(
      (first_core_ + static_cast<unsigned>(index)) %
      static_cast<unsigned>(num_members));
  int core = 0;
  while (!CPU_ISSET(core, &before_) || index-- > 0) {
    ++core;
  }
  CPU_SET(core, &own);
  is_bound_ = sched_setaffinity(0, sizeof(own), &own) == 0;
}

bool BoundToCore::holds_for(int num_members) const {
  return num_members == num_members_ &&
      first_core_ == first_core.load(std::memory_order_relaxed);
}

BoundToCore::~BoundToCore() {
  if (is_bound_) {
    sched_setaffinity(0, sizeof(before_), &before_);
  }
}

} // namespace omni::kernels::cpu
