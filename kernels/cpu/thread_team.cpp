// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_team.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <optional>
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
// A core is offered to others after so long: before the scheduler would take it away,
// which gives turns of 3 to 4 ms, in the middle of a task.
constexpr int64_t kTurnNanoseconds = 2'000'000;
// A caller that has waited longer than this in a run, and for more than half of it, has
// not met uneven shares: another thread is kept from its core again and again.
constexpr int64_t kStallNanoseconds = 1'000'000;
// Members that lacked more than this of a core while runs took kShareNanoseconds share
// their cores with other programs, and are each bound to one for a while.
constexpr double kLackingCores = 0.25;
constexpr int64_t kShareNanoseconds = 8'000'000;
constexpr int64_t kBoundNanoseconds = 500'000'000;
// For how long it then works alone: first short, for it may have been but a moment,
// then twice as long each time that it happens again soon.
constexpr int64_t kLeastSoloNanoseconds = 20'000'000;
constexpr int64_t kMostSoloNanoseconds = 320'000'000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
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

// What this thread has had of a core.
int64_t core_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Of runs since the last verdict: what they took, and what their members lacked.
// Callers at the same time may disturb it, at the cost of a verdict too early.
std::atomic<int64_t> spent_nanoseconds{0};
std::atomic<int64_t> lacking_nanoseconds{0};
// Until when members are bound.
std::atomic<int64_t> bound_end_nanoseconds{0};

void count_run(int64_t run_nanoseconds, int64_t lacking) {
  const int64_t spent = spent_nanoseconds.fetch_add(run_nanoseconds) + run_nanoseconds;
  const int64_t lacked = lacking_nanoseconds.fetch_add(lacking) + lacking;
  if (spent < kShareNanoseconds) {
    return;
  }
  spent_nanoseconds.store(0);
  lacking_nanoseconds.store(0);
  if (static_cast<double>(lacked) > kLackingCores * static_cast<double>(spent)) {
    bound_end_nanoseconds.store(now_nanoseconds() + kBoundNanoseconds);
  }
}

// Note [Members that share a core]
// With as many members as cores and another program on one of these, the scheduler may
// as well put two members on one core and leave the other core to that program: both
// ways a core has two threads. So each member is kept to a core of its own.
// Only for a run, for a thread hands its affinity down to those that it starts.
class Bound {
 public:
  Bound(int index, int num_threads) {
    if (sched_getaffinity(0, sizeof(before_), &before_) != 0 ||
        CPU_COUNT(&before_) != num_threads) {
      return;
    }
    cpu_set_t own;
    CPU_ZERO(&own);
    int core = 0;
    while (!CPU_ISSET(core, &before_) || index-- > 0) {
      ++core;
    }
    CPU_SET(core, &own);
    is_bound_ = sched_setaffinity(0, sizeof(own), &own) == 0;
  }
  ~Bound() {
    if (is_bound_) {
      sched_setaffinity(0, sizeof(before_), &before_);
    }
  }
  Bound(const Bound&) = delete;
  Bound& operator=(const Bound&) = delete;

 private:
  cpu_set_t before_;
  bool is_bound_ = false;
};

// Note [Meetings]
// The state of a run is one number, so that all of it changes at once: the loop that
// the members are in, how many of them have arrived at its end, and how many take part.
// When all that take part have arrived, the next loop begins. A member that leaves
// stands for one that has arrived and is no longer waited for: it goes at the end of a
// loop, when no task is left to take, and owes none. It joins the loop that it finds,
// which then cannot end without it; all loops before are over, and what they wrote is
// seen by whoever joins.
struct Meeting {
  uint32_t loop = 0;
  uint16_t num_arrived = 0;
  uint16_t num_joined = 0;

  explicit Meeting(uint64_t state)
      : loop(static_cast<uint32_t>(state >> 32)),
        num_arrived(static_cast<uint16_t>(state >> 16)),
        num_joined(static_cast<uint16_t>(state)) {}
  [[nodiscard]] uint64_t state() const {
    return uint64_t{loop} << 32 | uint64_t{num_arrived} << 16 | num_joined;
  }
};

// Changes the state by `change(meeting)` and goes on to the next loop when all have
// arrived. Returns the new one.
template <typename Change>
Meeting change_meeting(std::atomic<uint64_t>& state, const Change& change) {
  uint64_t seen = state.load(std::memory_order_acquire);
  for (;;) {
    Meeting next(seen);
    change(next);
    const bool is_over = next.num_arrived == next.num_joined;
    if (is_over) {
      ++next.loop;
      next.num_arrived = 0;
    }
    if (state.compare_exchange_weak(seen, next.state(), std::memory_order_acq_rel)) {
      if (is_over) {
        state.notify_all();
      }
      return next;
    }
  }
}

// When this thread last offered its core to others.
thread_local int64_t turn_begin_nanoseconds = 0;

bool has_had_its_turn() {
  return now_nanoseconds() - turn_begin_nanoseconds > kTurnNanoseconds;
}

void offer_core() {
  sched_yield(); // at once back where nobody else wants it
  turn_begin_nanoseconds = now_nanoseconds();
}

} // namespace

ThreadTeam::ThreadTeam(int num_threads) {
  static const int available = available_threads();
  num_threads_ = std::clamp(num_threads, 1, std::min(at::get_num_threads(), available));
}

ThreadTeam::ThreadTeam() : ThreadTeam(at::get_num_threads()) {}

ThreadTeam::Member::Member(Run& run, int index, bool is_alone)
    : run_(run), index_(index), is_alone_(is_alone) {
  if (!is_alone_) {
    join();
  }
}

void ThreadTeam::Member::join() {
  joined_ = Meeting(run_.meeting.fetch_add(1, std::memory_order_acq_rel)).loop;
}

void ThreadTeam::Member::leave() {
  change_meeting(run_.meeting, [](Meeting& meeting) { --meeting.num_joined; });
}

void ThreadTeam::Member::arrive() {
  joined_ = change_meeting(run_.meeting, [](Meeting& meeting) {
              ++meeting.num_arrived;
            }).loop;
}

// Spins, then sleeps, until the loop of this member's last arrival is over.
void ThreadTeam::Member::wait() {
  const auto is_over = [&](uint64_t state) {
    joined_ = Meeting(state).loop;
    return joined_ == loop_;
  };
  for (int i = 0; i < 64; ++i) { // most waits are over before the clock is read
    if (is_over(run_.meeting.load(std::memory_order_acquire))) {
      return;
    }
    pause();
  }
  const int64_t begin = now_nanoseconds();
  for (uint64_t state = 0;
       !is_over(state = run_.meeting.load(std::memory_order_acquire));) {
    if (now_nanoseconds() - begin > kSpinNanoseconds) {
      run_.meeting.wait(state, std::memory_order_acquire);
      continue;
    }
    for (int i = 0; i < 16; ++i) {
      pause();
    }
  }
  waited_ += now_nanoseconds() - begin;
}

int64_t ThreadTeam::Member::next_task(int64_t num_tasks) {
  if (!takes_part()) {
    return -1;
  }
  uint64_t seen = run_.ticket.load(std::memory_order_relaxed);
  for (;;) {
    // The first to ask in a loop finds the tickets of another.
    const uint64_t next = seen >> 32 == loop_ ? seen & 0xFFFFFFFF : 0;
    if (static_cast<int64_t>(next) >= num_tasks) {
      return -1;
    }
    if (run_.ticket.compare_exchange_weak(
            seen, uint64_t{loop_} << 32 | (next + 1), std::memory_order_relaxed)) {
      return static_cast<int64_t>(next);
    }
  }
}

void ThreadTeam::Member::end_tasks() {
  const bool took_part = takes_part();
  ++loop_;
  if (is_alone_) {
    joined_ = loop_;
    return;
  }
  if (!took_part) {
    return;
  }
  if (has_had_its_turn()) {
    leave();
    offer_core();
    join();
    if (joined_ >= loop_) {
      return;
    }
  }
  arrive();
  wait();
}

void ThreadTeam::run_erased(Function function, const void* data) const {
  Run run;
  const bool is_alone = num_threads_ == 1 || at::in_parallel_region() ||
      now_nanoseconds() < solo_end_nanoseconds.load(std::memory_order_relaxed);
  if (is_alone) {
    Member member(run, 0, true);
    function(data, member);
    return;
  }
  const int64_t begin = now_nanoseconds();
  const bool is_bound = begin < bound_end_nanoseconds.load(std::memory_order_relaxed);
  int64_t work_end = 0, waited = 0;
  // Where OMP_THREAD_LIMIT allows fewer threads, one stands for several indices.
  at::parallel_for(0, num_threads_, 1, [&](int64_t index, int64_t) {
    std::optional<Bound> bound;
    if (is_bound) {
      bound.emplace(static_cast<int>(index), num_threads_);
    }
    const int64_t member_begin = now_nanoseconds(), had = core_nanoseconds();
    Member member(run, static_cast<int>(index), false);
    function(data, member);
    run.lacking.fetch_add(
        now_nanoseconds() - member_begin - (core_nanoseconds() - had),
        std::memory_order_relaxed);
    if (index == 0) {
      work_end = now_nanoseconds();
      waited = member.waited_;
    }
  });
  // At the end torch waits for all, those on other programs' cores among them.
  const int64_t end = now_nanoseconds();
  waited += end - work_end;
  count_run(end - begin, run.lacking.load());
  if (waited > std::max(kStallNanoseconds, (end - begin) / 2)) {
    begin_solo();
  }
}

} // namespace omni::kernels::cpu
