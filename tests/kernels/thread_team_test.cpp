// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_team.h"

#include <ATen/Parallel.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/busy_cores.h"
#include "tests/support/catch.h"

namespace omni::kernels::cpu {
namespace {

using Counts = std::vector<std::atomic<int>>;

// Loops of so many tasks each, in one run. Counts how often each task is done, and how
// often members go on to a loop before all tasks of the one before are done.
class Loops {
 public:
  explicit Loops(std::vector<int64_t> sizes)
      : sizes_(std::move(sizes)), num_done_(sizes_.size()) {
    for (const int64_t size : sizes_) {
      counts_.emplace_back(static_cast<size_t>(size));
    }
  }

  // Returns how many loops were over before this member came to them.
  int go_through(
      ThreadTeam::Member& member,
      std::chrono::nanoseconds of_a_task = std::chrono::nanoseconds(0)) {
    int num_missed = 0;
    for (size_t loop = 0; loop < sizes_.size(); ++loop) {
      const int64_t size = sizes_[loop];
      num_missed += member.takes_part() ? 0 : 1;
      num_early_ += !member.takes_part() && num_done_[loop] != size;
      for (int64_t task = 0; (task = member.next_task(size)) >= 0;) {
        const auto end = std::chrono::steady_clock::now() + of_a_task;
        while (std::chrono::steady_clock::now() < end) {
        }
        ++counts_[loop][static_cast<size_t>(task)];
        ++num_done_[loop];
      }
      member.end_tasks();
      num_early_ += num_done_[loop] != size;
    }
    return num_missed;
  }

  // Tasks not done once, and members too early.
  [[nodiscard]] int num_wrong() const {
    int wrong = num_early_;
    for (const Counts& counts : counts_) {
      for (const std::atomic<int>& count : counts) {
        wrong += count.load() != 1;
      }
    }
    return wrong;
  }

 private:
  std::vector<int64_t> sizes_;
  std::vector<Counts> counts_;
  std::vector<std::atomic<int64_t>> num_done_;
  std::atomic<int> num_early_{0};
};

std::vector<int64_t> many_sizes(int64_t num_loops) {
  constexpr std::array<int64_t, 6> kSizes = {7, 1, 0, 64, 2, 300};
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < num_loops; ++i) {
    sizes.push_back(kSizes[static_cast<size_t>(i) % kSizes.size()]);
  }
  return sizes;
}

int num_members_of_run(const ThreadTeam& team) {
  std::atomic<int> num_members = 0;
  team.run([&](ThreadTeam::Member&) { ++num_members; });
  return num_members;
}

// Counts the members and waits, for some time, until all of the team have come.
void meet(std::atomic<int>& num_members, const ThreadTeam& team) {
  ++num_members;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  while (num_members < team.num_threads() && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
}

// Tries for some time until an attempt succeeds: a thread may lose its core at any
// moment, and the caller that waited for it works alone for a while.
template <typename Attempt>
bool succeeds_in_time(const Attempt& attempt) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < end) {
    if (attempt()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// The same with all threads of a team; `run` says how many took part.
template <typename Run>
bool with_all(const ThreadTeam& team, const Run& run) {
  return succeeds_in_time([&] { return run() == team.num_threads(); });
}

class Threads {
 public:
  explicit Threads(int number) : before_(at::get_num_threads()) {
    at::set_num_threads(number);
  }
  ~Threads() {
    at::set_num_threads(before_);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

} // namespace

TEST_CASE("a team has the threads asked for, as far as torch and the cores allow") {
  CHECK(available_threads() >= 1);
  const Threads threads(3);
  const int most = std::min(3, available_threads());
  CHECK(ThreadTeam().num_threads() == most);
  CHECK(ThreadTeam(1 << 20).num_threads() == most);
  CHECK(ThreadTeam(2).num_threads() == std::min(2, most));
  CHECK(ThreadTeam(0).num_threads() == 1);
  const Threads one(1);
  CHECK(ThreadTeam(2).num_threads() == 1);
}

TEST_CASE("every task of every loop is done once, by any number of threads") {
  const Threads threads(5);
  for (const int num_threads : {1, 2, 3, 5}) {
    INFO(num_threads << " threads");
    const ThreadTeam team(num_threads);
    for (const int64_t num_loops : {300, 1, 0, 2, 3, 50}) { // in one run
      CHECK(with_all(team, [&] {
        Loops loops(many_sizes(num_loops));
        std::atomic<int> num_members = 0;
        team.run([&](ThreadTeam::Member& member) {
          meet(num_members, team);
          loops.go_through(member);
        });
        REQUIRE(loops.num_wrong() == 0);
        return num_members.load();
      }));
    }
    for (int run = 0; run < 300; ++run) { // in many
      Loops loops({5, 1});
      team.run([&](ThreadTeam::Member& member) { loops.go_through(member); });
      REQUIRE(loops.num_wrong() == 0);
    }
  }
}

TEST_CASE("members have indices of their own, the caller 0") {
  const ThreadTeam team;
  std::vector<std::thread::id> of_index;
  REQUIRE(with_all(team, [&] {
    of_index.assign(static_cast<size_t>(team.num_threads()), {});
    std::atomic<int> num_members = 0;
    team.run([&](ThreadTeam::Member& member) {
      ++num_members;
      of_index[static_cast<size_t>(member.index())] = std::this_thread::get_id();
    });
    return num_members.load();
  }));
  CHECK(of_index.front() == std::this_thread::get_id());
  for (size_t i = 1; i < of_index.size(); ++i) {
    CHECK(of_index[i] != std::thread::id());
    CHECK(std::count(of_index.begin(), of_index.end(), of_index[i]) == 1);
  }
}

TEST_CASE("a run within a run works alone") {
  const ThreadTeam team;
  if (team.num_threads() == 1) {
    return; // which is no parallel region of torch's
  }
  CHECK(with_all(team, [&] {
    Loops outer({6, 3});
    std::atomic<int> num_members = 0, num_runs = 0, num_others = 0, num_wrong = 0;
    team.run([&](ThreadTeam::Member& member) {
      meet(num_members, team);
      if (num_members == team.num_threads()) {
        const std::thread::id caller = std::this_thread::get_id();
        team.run([&](ThreadTeam::Member& alone) {
          ++num_runs;
          num_others += alone.index() != 0 || std::this_thread::get_id() != caller;
          Loops inner(many_sizes(20));
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
  const ThreadTeam team(2);
  std::atomic<int> num_wrong = 0;
  const auto work = [&] {
    for (int run = 0; run < 200; ++run) {
      Loops loops({9, 1, 40});
      team.run([&](ThreadTeam::Member& member) { loops.go_through(member); });
      num_wrong += loops.num_wrong();
    }
  };
  std::thread other(work);
  work();
  other.join();
  CHECK(num_wrong == 0);
}

TEST_CASE("a thread that is held up delays a run and spoils none") {
  const ThreadTeam team(2);
  for (int held_up = 0; held_up < team.num_threads(); ++held_up) {
    INFO("member " << held_up);
    const auto run_held_up = [&] {
      Loops loops(many_sizes(12));
      std::atomic<int> num_members = 0;
      team.run([&](ThreadTeam::Member& member) {
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
  const ThreadTeam team;
  if (team.num_threads() == 1) {
    return; // nobody goes on meanwhile
  }
  const omni::test::BusyCores others(available_threads());
  CHECK(succeeds_in_time([&] {
    Loops loops(std::vector<int64_t>(200, 5)); // some 25 ms and more of each thread
    std::atomic<int> num_members = 0, num_begun = 0, num_missed = 0;
    team.run([&](ThreadTeam::Member& member) {
      num_begun += member.takes_part(); // at the first loop, not late
      meet(num_members, team);
      num_missed += loops.go_through(member, std::chrono::microseconds(50));
    });
    REQUIRE(loops.num_wrong() == 0);
    return num_begun == team.num_threads() && num_missed > 0;
  }));
}

TEST_CASE("on shared cores each thread has one of its own, for the run only") {
  const ThreadTeam team;
  const auto cores_of_thread = [] {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    sched_getaffinity(0, sizeof(cores), &cores);
    return cores;
  };
  const cpu_set_t before = cores_of_thread();
  if (team.num_threads() == 1 || team.num_threads() != CPU_COUNT(&before)) {
    return; // nothing to share out
  }
  const omni::test::BusyCores others(available_threads());
  CHECK(succeeds_in_time([&] {
    cpu_set_t all;
    CPU_ZERO(&all);
    std::atomic<int> num_bound = 0;
    std::mutex mutex;
    Loops loops(std::vector<int64_t>(100, 5));
    team.run([&](ThreadTeam::Member& member) {
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

TEST_CASE("a forked process of one thread, as torch's loaders make them, can run") {
  const ThreadTeam team;
  with_all(
      team, [&] { return num_members_of_run(team); }); // threads, which a child has not
  const pid_t child = fork();
  if (child == 0) {
    alarm(20); // ends it should it wait for threads that it does not have
    at::set_num_threads(1);
    Loops loops(many_sizes(20));
    ThreadTeam().run([&](ThreadTeam::Member& member) { loops.go_through(member); });
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
