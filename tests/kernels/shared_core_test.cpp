// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/core_share.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/busy_cores.h"
#include "tests/support/catch.h"
#include "tests/support/not_tested.h"
#include "tests/support/team_loops.h"
#include "tests/support/torch_threads.h"

namespace omni::kernels::cpu {
namespace {

using test::kWays;
using test::many_sizes;
using test::meet;
using test::num_members_of_run;
using test::run;
using test::succeeds_in_time;
using test::TeamLoops;
using test::Way;
using test::with_all;

} // namespace

TEST_CASE("a thread that is held up delays a run and spoils none") {
  const test::TorchThreads threads(2);
  const Way way = GENERATE(from_range(kWays));
  const ThreadTeam team(2);
  for (int held_up = 0; held_up < team.num_threads(); ++held_up) {
    INFO("member " << held_up);
    const auto run_held_up = [&] {
      TeamLoops loops(many_sizes(12));
      std::atomic<int> num_members = 0;
      run(way, team, [&](ThreadTeam::Member& member) {
        meet(num_members, team);
        if (member.index() == held_up && num_members > 1) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        loops.go_through(member);
      });
      REQUIRE(loops.num_wrong() == 0);
      return num_members.load();
    };
    CHECK(with_all(team, run_held_up));
    if (held_up > 0) { // it is the caller that waits, and it does not wait again
      CHECK(succeeds_in_time([&] {
        return run_held_up() == team.num_threads() && num_members_of_run(team) == 1;
      }));
    }
  }
  CHECK(with_all(team, [&] { return num_members_of_run(team); }));
}

TEST_CASE("a core that others want is given up between tasks") {
  const test::TorchThreads threads(available_threads());
  const Way way = GENERATE(from_range(kWays));
  const ThreadTeam team;
  if (team.num_threads() == 1) {
    omni::testing::say_not_tested("one thread: nobody goes on meanwhile");
    return;
  }
  const test::BusyCores others(available_threads());
  CHECK(succeeds_in_time([&] {
    TeamLoops loops(std::vector<int64_t>(200, 5)); // some 25 ms and more of each thread
    std::atomic<int> num_members = 0, num_begun = 0, num_missed = 0;
    run(way, team, [&](ThreadTeam::Member& member) {
      num_begun += member.takes_part(); // at the first loop, not late
      meet(num_members, team);
      const int missed = loops.go_through(member, std::chrono::microseconds(50));
      if (missed > 0) {
        num_missed += missed;
      }
    });
    REQUIRE(loops.num_wrong() == 0);
    return num_begun == team.num_threads() && num_missed > 0;
  }));
}

TEST_CASE("on shared cores each thread has one of its own, for the run only") {
  const test::TorchThreads threads(available_threads());
  const Way way = GENERATE(from_range(kWays));
  const ThreadTeam team;
  const auto cores_of_thread = [] {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    sched_getaffinity(0, sizeof(cores), &cores);
    return cores;
  };
  const cpu_set_t before = cores_of_thread();
  if (team.num_threads() == 1 || team.num_threads() != CPU_COUNT(&before)) {
    omni::testing::say_not_tested("one thread, or not one for each core");
    return;
  }
  const test::BusyCores others(available_threads());
  CHECK(succeeds_in_time([&] {
    cpu_set_t all;
    CPU_ZERO(&all);
    std::atomic<int> num_bound = 0;
    std::mutex mutex;
    TeamLoops loops(std::vector<int64_t>(100, 5));
    run(way, team, [&](ThreadTeam::Member& member) {
      {
        const std::lock_guard lock(mutex);
        const cpu_set_t own = cores_of_thread();
        num_bound += CPU_COUNT(&own) == 1;
        CPU_OR(&all, &all, &own);
      }
      loops.go_through(member, std::chrono::microseconds(50));
    });
    at::parallel_for(0, team.num_threads(), 1, [&](int64_t, int64_t) {
      const cpu_set_t after = cores_of_thread();
      num_bound -= 1000 * !CPU_EQUAL(&after, &before);
    });
    REQUIRE(num_bound >= 0);
    return num_bound == team.num_threads() && CPU_EQUAL(&all, &before) != 0;
  }));
}

TEST_CASE("the end of all loops does not wait for a thread without a core") {
  const test::TorchThreads threads(available_threads());
  const ThreadTeam team;
  if (team.num_threads() == 1) {
    omni::testing::say_not_tested("one thread: there is no other");
    return;
  }
  // Of a thread that is in the body still when the run is over.
  static std::atomic<int> num_begun = 0, num_ended = 0, num_wrong = 0;
  const test::BusyCores others(available_threads());
  CHECK(succeeds_in_time([&] {
    TeamLoops loops(std::vector<int64_t>(200, 5));
    std::atomic<int> num_members = 0;
    run(Way::WaitForLoops, team, [&](ThreadTeam::Member& member) {
      ++num_begun;
      meet(num_members, team);
      const int index = member.index();
      if (loops.go_through(member, std::chrono::microseconds(50)) < 0) {
        num_wrong += index == 0; // the run is the caller's
      }
      ++num_ended;
    });
    REQUIRE(loops.num_wrong() == 0);
    // With a core it would know of the end by now.
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(200);
    while (std::chrono::steady_clock::now() < end) {
    }
    return num_ended < num_begun;
  }));
  CHECK(succeeds_in_time([] { return num_ended == num_begun; }));
  CHECK(num_wrong == 0);
}

} // namespace omni::kernels::cpu
