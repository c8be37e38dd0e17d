// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_team.h"

#include <ATen/Parallel.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "kernels/cpu/core_share.h"
#include "kernels/cpu/thread_crew.h"
#include "tests/support/catch.h"
#include "tests/support/not_tested.h"
#include "tests/support/team_loops.h"
#include "tests/support/torch_threads.h"

namespace omni::kernels::cpu {
namespace {

using test::kWays;
using test::many_sizes;
using test::meet;
using test::run;
using test::succeeds_in_time;
using test::TeamLoops;
using test::Way;
using test::with_all;

} // namespace

TEST_CASE("a team has the threads asked for, as far as torch and the cores allow") {
  CHECK(available_threads() >= 1);
  const test::TorchThreads threads(3);
  const int most = std::min(3, available_threads());
  CHECK(ThreadTeam().num_threads() == most);
  CHECK(ThreadTeam(1 << 20).num_threads() == most);
  CHECK(ThreadTeam(2).num_threads() == std::min(2, most));
  CHECK(ThreadTeam(0).num_threads() == 1);
  const test::TorchThreads one(1);
  CHECK(ThreadTeam(2).num_threads() == 1);
}

TEST_CASE("every task of every loop is done once, by any number of threads") {
  const Way way = GENERATE(from_range(kWays));
  const test::TorchThreads threads(5);
  for (const int num_threads : {1, 2, 3, 5}) {
    INFO(num_threads << " threads");
    const ThreadTeam team(num_threads);
    for (const int64_t num_loops : {300, 1, 0, 2, 3, 50}) { // in one run
      CHECK(with_all(team, [&] {
        TeamLoops loops(many_sizes(num_loops));
        std::atomic<int> num_members = 0;
        run(way, team, [&](ThreadTeam::Member& member) {
          meet(num_members, team);
          loops.go_through(member);
        });
        REQUIRE(loops.num_wrong() == 0);
        return num_members.load();
      }));
    }
    for (int i = 0; i < 300; ++i) { // in many
      TeamLoops loops({5, 1});
      run(way, team, [&](ThreadTeam::Member& member) { loops.go_through(member); });
      REQUIRE(loops.num_wrong() == 0);
    }
  }
}

TEST_CASE("members have indices of their own, the caller 0") {
  const test::TorchThreads threads(available_threads());
  const Way way = GENERATE(from_range(kWays));
  const ThreadTeam team;
  std::vector<std::thread::id> of_index;
  REQUIRE(with_all(team, [&] {
    of_index.assign(static_cast<size_t>(team.num_threads()), {});
    std::atomic<int> num_members = 0;
    run(way, team, [&](ThreadTeam::Member& member) {
      of_index[static_cast<size_t>(member.index())] = std::this_thread::get_id();
      meet(num_members, team);
    });
    return num_members.load();
  }));
  CHECK(of_index.front() == std::this_thread::get_id());
  for (size_t i = 1; i < of_index.size(); ++i) {
    CHECK(of_index[i] != std::thread::id());
    CHECK(std::count(of_index.begin(), of_index.end(), of_index[i]) == 1);
  }
}

TEST_CASE("of the threads that stay only those take part that a run has members for") {
  struct Seen {
    int num_members = 0;
    std::atomic<int> num_in = 0, num_wrong = 0;
  };
  const auto body = [](const void* data, TeamMember& member) {
    Seen& seen = **static_cast<Seen* const*>(data);
    seen.num_wrong += member.index() >= seen.num_members;
    ++seen.num_in;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (seen.num_in < seen.num_members && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
  };
  for (const int num_members : {4, 2, 3, 1, 4}) { // those hired stay
    INFO(num_members << " members");
    CHECK(succeeds_in_time([&] {
      Seen seen;
      seen.num_members = num_members;
      Seen* const at = &seen;
      REQUIRE(ThreadCrew::get().try_run(num_members, body, &at));
      REQUIRE(seen.num_wrong == 0);
      return seen.num_in == num_members;
    }));
  }
}

TEST_CASE("a run within a run works alone") {
  const test::TorchThreads threads(available_threads());
  const Way way = GENERATE(from_range(kWays));
  const ThreadTeam team;
  if (team.num_threads() == 1) {
    omni::testing::say_not_tested("one thread is no parallel region of torch's");
    return;
  }
  CHECK(with_all(team, [&] {
    TeamLoops outer({6, 3});
    std::atomic<int> num_members = 0, num_runs = 0, num_others = 0, num_wrong = 0;
    run(way, team, [&](ThreadTeam::Member& member) {
      meet(num_members, team);
      if (num_members == team.num_threads()) {
        const std::thread::id caller = std::this_thread::get_id();
        run(way, team, [&](ThreadTeam::Member& alone) {
          ++num_runs;
          num_others += alone.index() != 0 || std::this_thread::get_id() != caller;
          TeamLoops inner(many_sizes(20));
          inner.go_through(alone);
          num_wrong += inner.num_wrong();
        });
      }
      outer.go_through(member);
    });
    CHECK(num_others == 0);
    CHECK(num_wrong == 0);
    CHECK(outer.num_wrong() == 0);
    return num_runs.load();
  }));
}

TEST_CASE("two threads run teams at once, each its own work") {
  const test::TorchThreads threads(4);
  const ThreadTeam team(2);
  std::atomic<int> num_wrong = 0;
  const auto work = [&](Way way) {
    for (int i = 0; i < 200; ++i) {
      TeamLoops loops({9, 1, 40});
      run(way, team, [&](ThreadTeam::Member& member) { loops.go_through(member); });
      num_wrong += loops.num_wrong();
    }
  };
  for (const Way way : kWays) {
    for (const Way of_other : kWays) {
      std::thread other(work, of_other);
      work(way);
      other.join();
    }
  }
  CHECK(num_wrong == 0);
}

TEST_CASE("a forked process, as torch's loaders make them, can run") {
  const test::TorchThreads threads(available_threads());
  const Way way = GENERATE(from_range(kWays));
  const ThreadTeam team;
  const auto run_in_parent = [&] { // by threads that a child has not
    std::atomic<int> num_members = 0;
    run(way, team, [&](ThreadTeam::Member&) { meet(num_members, team); });
    return num_members.load();
  };
  CHECK(with_all(team, run_in_parent));
  const pid_t child = fork();
  if (child == 0) {
    alarm(20); // ends it should it wait for threads that it does not have
    TeamLoops loops(many_sizes(20));
    if (way == Way::WaitForLoops) { // torch's threads would be waited for
      team.run_loops([&](ThreadTeam::Member& member) { loops.go_through(member); });
    } else {
      at::set_num_threads(1);
      ThreadTeam().run([&](ThreadTeam::Member& member) { loops.go_through(member); });
    }
    _exit(loops.num_wrong() == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("with fewer threads than torch believes to have, nobody waits for them") {
  if (std::getenv("OMP_THREAD_LIMIT") != nullptr) {
    return; // this is the program below
  }
  std::array<char, 4096> program = {};
  REQUIRE(readlink("/proc/self/exe", program.data(), program.size() - 1) > 0);
  for (const char* limit : {"1", "2"}) {
    const std::string command = std::string("OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=") +
        limit + " timeout 60 '" + program.data() +
        "' 'two threads run teams*' > /dev/null";
    INFO(command);
    CHECK(std::system(command.c_str()) == 0);
  }
}

} // namespace omni::kernels::cpu
