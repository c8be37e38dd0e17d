// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A block's threads are fibres, kept from block to block. A thread runs until it has to
// meet others; then the scheduler goes on with the next, and lets go those that have
// all met.
#include "tests/support/cuda_emulation.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "tests/support/cuda_emulation_fibre.h"

EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

namespace {

constexpr size_t kSharedCapacity = 227 * 1024; // of sm_90, the most there is
constexpr unsigned kMostThreads = 1024;
constexpr unsigned kWarpLanes = 32;

} // namespace

namespace omni::kernels::cuda {
// The declaration is inside shared_memory() of cuda_types.cuh.
alignas(1024) unsigned char dynamic_shared_bytes[kSharedCapacity];
} // namespace omni::kernels::cuda

namespace omni::testing {
namespace {

enum class State { Ready, AtBarrier, AtWarpCall, Returned };

struct Thread {
  std::unique_ptr<Fibre> fibre;
  State state = State::Returned;
  std::source_location place; // of the barrier or warp call it waits at
  WarpCall call = WarpCall::Sync;
  unsigned mask = 0;
  uint64_t brought = 0;
  std::array<uint64_t, kWarpLanes> all_brought = {}; // by a mask of which it is first
  const uint64_t* received = nullptr; // that of its own mask
  std::exception_ptr error;
};

std::string at(const std::source_location& place) {
  const std::string path = place.file_name();
  return path.substr(path.rfind('/') + 1) + ":" + std::to_string(place.line());
}

[[noreturn]] void refuse(const std::string& message) {
  throw CudaEmulationError(
      "[cuda_emulation] block " + std::to_string(blockIdx.x) + ", " +
      std::to_string(blockIdx.y) + ": expected " + message);
}

class Scheduler {
 public:
  void run(const EmulatedLaunch& launch, const std::function<void()>& kernel);
  void wait(State state, const std::source_location& place);
  const uint64_t* meet(
      WarpCall call,
      unsigned mask,
      uint64_t brought,
      const std::source_location& place);

 private:
  void start_block(const EmulatedLaunch& launch);
  void run_block();
  bool advance_warp(unsigned warp);
  std::vector<unsigned> in_order(unsigned size);
  void run_thread(Thread& thread);
  void resume(unsigned index);
  bool open_barrier();
  bool open_warp_call(unsigned first_of_warp);
  [[noreturn]] void refuse_stall() const;

  const std::function<void()>* kernel_ = nullptr;
  std::vector<Thread> threads_; // a launch uses the first of them
  unsigned num_threads_ = 0;
  unsigned current_ = 0;
  ThreadOrder order_ = ThreadOrder::Forward;
  std::mt19937_64 random_; // of the shuffled order
};

Scheduler& scheduler() {
  static Scheduler one;
  return one;
}

// In the thread's fibre: one kernel a block. What the kernel throws goes round the
// change of stacks.
void Scheduler::run_thread(Thread& thread) {
  try {
    (*kernel_)();
  } catch (...) {
    thread.error = std::current_exception();
  }
  thread.state = State::Returned;
}

void Scheduler::resume(unsigned index) {
  current_ = index;
  threadIdx = {index, 0, 0};
  threads_[index].fibre->resume();
  if (threads_[index].error) {
    std::rethrow_exception(threads_[index].error);
  }
}

void Scheduler::wait(State state, const std::source_location& place) {
  Thread& thread = threads_[current_];
  thread.state = state;
  thread.place = place;
  thread.fibre->stop();
}

const uint64_t* Scheduler::meet(
    WarpCall call,
    unsigned mask,
    uint64_t brought,
    const std::source_location& place) {
  Thread& thread = threads_[current_];
  thread.call = call;
  thread.mask = mask;
  thread.brought = brought;
  if ((mask >> (current_ % kWarpLanes) & 1u) == 0) {
    refuse(
        "the calling lane in the mask at " + at(place) + ", got lane " +
        std::to_string(current_ % kWarpLanes) + " outside it.");
  }
  wait(State::AtWarpCall, place);
  return thread.received;
}

// Lets all go when all threads of the block are at one barrier.
bool Scheduler::open_barrier() {
  const std::source_location& place = threads_[0].place;
  for (unsigned i = 0; i < num_threads_; ++i) {
    const Thread& thread = threads_[i];
    if (thread.state != State::AtBarrier || thread.place.line() != place.line() ||
        std::strcmp(thread.place.file_name(), place.file_name()) != 0) {
      return false;
    }
  }
  for (unsigned i = 0; i < num_threads_; ++i) {
    threads_[i].state = State::Ready;
  }
  return true;
}

// Lets lanes of a warp go whose whole mask waits at the same call.
bool Scheduler::open_warp_call(unsigned first_of_warp) {
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    Thread& asked = threads_[first_of_warp + lane];
    if (asked.state != State::AtWarpCall) {
      continue;
    }
    bool is_complete = true;
    asked.all_brought = {};
    for (unsigned other = 0; other < kWarpLanes; ++other) {
      if ((asked.mask >> other & 1u) == 0) {
        continue;
      }
      const Thread& peer = threads_[first_of_warp + other];
      is_complete = is_complete && peer.state == State::AtWarpCall &&
          peer.mask == asked.mask && peer.call == asked.call &&
          peer.place.line() == asked.place.line();
      if (is_complete) {
        asked.all_brought[other] = peer.brought;
      }
    }
    if (is_complete) {
      const unsigned mask = asked.mask;
      for (unsigned other = 0; other < kWarpLanes; ++other) {
        if ((mask >> other & 1u) != 0) {
          threads_[first_of_warp + other].received = asked.all_brought.data();
          threads_[first_of_warp + other].state = State::Ready;
        }
      }
      return true;
    }
  }
  return false;
}

void Scheduler::refuse_stall() const {
  std::string who;
  for (unsigned i = 0; i < num_threads_; ++i) {
    const Thread& thread = threads_[i];
    const bool repeats = i > 0 && threads_[i - 1].state == thread.state &&
        (thread.state == State::Returned ||
         threads_[i - 1].place.line() == thread.place.line());
    if (repeats) {
      continue;
    }
    who += (who.empty() ? "from thread " : "; from thread ") + std::to_string(i) + " ";
    who += thread.state == State::Returned ? "returned"
        : thread.state == State::AtBarrier ? "at the barrier of " + at(thread.place)
                                           : "at the warp call of " + at(thread.place);
  }
  refuse("all threads of a barrier or warp mask to meet, got " + who + ".");
}

// Fresh threads, and shared memory of NaN (in every float type) up to its end.
void Scheduler::start_block(const EmulatedLaunch& launch) {
  unsigned char* shared = kernels::cuda::dynamic_shared_bytes;
  __asan_unpoison_memory_region(shared, kSharedCapacity);
  std::memset(shared, 0xff, launch.shared_bytes);
  __asan_poison_memory_region(
      shared + launch.shared_bytes, kSharedCapacity - launch.shared_bytes);
  for (unsigned i = 0; i < num_threads_; ++i) {
    Thread& thread = threads_[i];
    if (thread.state != State::Returned) {
      thread.fibre->give_up(); // left in the midst of a block that was refused
    }
    thread.state = State::Ready;
    thread.error = nullptr;
  }
}

// 0 to size - 1 in the order of the launch.
std::vector<unsigned> Scheduler::in_order(unsigned size) {
  std::vector<unsigned> places(size);
  std::iota(places.begin(), places.end(), 0u);
  if (order_ == ThreadOrder::Reverse) {
    std::reverse(places.begin(), places.end());
  } else if (order_ == ThreadOrder::Shuffled) {
    std::shuffle(places.begin(), places.end(), random_);
  }
  return places;
}

// Lets every lane of a warp run to its next meeting. False when none could.
bool Scheduler::advance_warp(unsigned warp) {
  const unsigned first = warp * kWarpLanes;
  bool has_advanced = false;
  for (const unsigned lane : in_order(kWarpLanes)) {
    if (threads_[first + lane].state == State::Ready) {
      resume(first + lane);
      has_advanced = true;
    }
  }
  while (open_warp_call(first)) {
    has_advanced = true;
  }
  return has_advanced;
}

// Nothing but barriers holds warps together: forward and reverse, a warp runs as far as
// it gets before the next one starts; shuffled, they take turns.
void Scheduler::run_block() {
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (const unsigned warp : in_order(num_threads_ / kWarpLanes)) {
      bool has_advanced = advance_warp(warp);
      goes_on = goes_on || has_advanced;
      while (has_advanced && order_ != ThreadOrder::Shuffled) {
        has_advanced = advance_warp(warp);
      }
    }
    goes_on = open_barrier() || goes_on;
  }
  const bool has_stalled = std::any_of(
      threads_.begin(), threads_.begin() + num_threads_,
      [](const Thread& thread) { return thread.state != State::Returned; });
  if (has_stalled) {
    refuse_stall();
  }
}

void Scheduler::run(const EmulatedLaunch& launch, const std::function<void()>& kernel) {
  if (launch.threads == 0 || launch.threads > kMostThreads ||
      launch.threads % kWarpLanes != 0 || launch.shared_bytes > kSharedCapacity) {
    refuse(
        "whole warps of at most 1024 threads and 227 KiB shared, got " +
        std::to_string(launch.threads) + " threads and " +
        std::to_string(launch.shared_bytes) + " bytes.");
  }
  kernel_ = &kernel;
  num_threads_ = launch.threads;
  order_ = launch.order;
  random_.seed(launch.seed);
  for (size_t i = threads_.size(); i < num_threads_; ++i) {
    threads_.emplace_back();
    threads_[i].fibre = std::make_unique<Fibre>([this, i] { run_thread(threads_[i]); });
  }
  blockDim = {launch.threads, 1, 1};
  gridDim = {launch.blocks_x, launch.blocks_y, 1};
  for (unsigned y = 0; y < launch.blocks_y; ++y) {
    for (unsigned x = 0; x < launch.blocks_x; ++x) {
      blockIdx = {x, y, 0};
      start_block(launch);
      run_block();
    }
  }
}

} // namespace

void run_emulated(const EmulatedLaunch& launch, const std::function<void()>& kernel) {
  scheduler().run(launch, kernel);
}

const uint64_t* meet_warp(
    WarpCall call,
    unsigned mask,
    uint64_t brought,
    const std::source_location& place) {
  return scheduler().meet(call, mask, brought, place);
}

void refuse_lane(int lane, const std::source_location& place) {
  refuse(
      "a lane of the mask to read from at " + at(place) + ", got lane " +
      std::to_string(lane) + ".");
}

} // namespace omni::testing

void __syncthreads(const std::source_location& place) {
  omni::testing::scheduler().wait(omni::testing::State::AtBarrier, place);
}

unsigned
__ballot_sync(unsigned mask, int predicate, const std::source_location& place) {
  const uint64_t* lanes = omni::testing::meet_warp(
      omni::testing::WarpCall::Ballot, mask, predicate != 0 ? 1 : 0, place);
  unsigned votes = 0;
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    votes |= static_cast<unsigned>(lanes[lane]) << lane;
  }
  return votes;
}

void __trap(const std::source_location& place) {
  omni::testing::refuse(
      "a kernel to come to its end, got a trap at " + omni::testing::at(place) + ".");
}
