// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/thread_team.h"

#include <ATen/Parallel.h>
#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "kernels/cpu/core_share.h"
#include "kernels/cpu/thread_crew.h"

namespace omni::kernels::cpu {
namespace {

// Then torch's threads keep their cores even when idle, and others find none.
bool do_idle_threads_spin() {
  static const char* const policy = std::getenv("OMP_WAIT_POLICY");
  return policy != nullptr && strcasecmp(policy, "active") == 0;
}

} // namespace

ThreadTeam::ThreadTeam(int num_threads) {
  static const int available = available_threads();
  num_threads_ = std::clamp(num_threads, 1, std::min(at::get_num_threads(), available));
}

ThreadTeam::ThreadTeam() : ThreadTeam(at::get_num_threads()) {}

bool ThreadTeam::is_alone() const {
  return num_threads_ == 1 || at::in_parallel_region() ||
      is_better_alone(now_nanoseconds());
}

void ThreadTeam::run_erased(TeamFunction function, const void* data) const {
  if (is_alone()) {
    return TeamMember::work_alone(function, data);
  }
  const int64_t begin = now_nanoseconds();
  const bool is_bound = is_better_bound(begin);
  TeamRun run;
  run.begin(num_threads_, function, data);
  int64_t work_end = 0, waited = 0;
  // Where OMP_THREAD_LIMIT allows fewer threads, one stands for several indices.
  at::parallel_for(0, num_threads_, 1, [&](int64_t index, int64_t) {
    std::optional<BoundToCore> bound;
    if (is_bound) {
      bound.emplace(static_cast<int>(index), num_threads_);
    }
    const int64_t of_member =
        TeamMember::take_part(run, run.first_loop(), static_cast<int>(index));
    if (index == 0) {
      work_end = now_nanoseconds();
      waited = of_member;
    }
  });
  // At the end torch waits for all, those on other programs' cores among them.
  const int64_t end = now_nanoseconds();
  count_run(end - begin, waited + end - work_end);
}

void ThreadTeam::run_loops_erased(TeamFunction function, const void* data) const {
  if (do_idle_threads_spin()) {
    return run_erased(function, data);
  }
  if (is_alone() || !ThreadCrew::get().try_run(num_threads_, function, data)) {
    TeamMember::work_alone(function, data);
  }
}

} // namespace omni::kernels::cpu
