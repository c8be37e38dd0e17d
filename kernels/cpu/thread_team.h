// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Threads that run one function together, loop by loop over tasks, for work whose loops
// take microseconds. Where they lack their cores to other programs, each stays on a
// core of its own; a caller that has waited too long works alone for a while.
#pragma once

#include "kernels/cpu/team_member.h"

namespace omni::kernels::cpu {

class ThreadTeam {
 public:
  // `num_threads` with the caller; at most at::get_num_threads() and what
  // available_threads() says.
  explicit ThreadTeam(int num_threads);
  // As many as there may be.
  ThreadTeam();

  // What a function run by the team knows of it.
  using Member = TeamMember;

  // Calls `body(Member&)` in every thread, those of at::parallel_for; returns when all
  // have. A `body` that throws ends the process. Within a parallel region of at:: the
  // caller works alone.
  template <typename Body>
  void run(const Body& body) const {
    run_erased(&call<Body>, &body);
  }

  // The same in threads that stay; returns when all loops are over. A thread without a
  // core is not waited for then: `body` must return at once when end_tasks() says that
  // the run has ended. For runs that follow each other with no parallel region of at::
  // between, whose threads go on spinning for some milliseconds.
  template <typename Body>
  void run_loops(const Body& body) const {
    run_loops_erased(&call<Body>, &body);
  }

  [[nodiscard]] int num_threads() const {
    return num_threads_;
  }

 private:
  template <typename Body>
  static void call(const void* data, Member& member) noexcept {
    (*static_cast<const Body*>(data))(member);
  }

  [[nodiscard]] bool is_alone() const;
  void run_erased(TeamFunction function, const void* data) const;
  void run_loops_erased(TeamFunction function, const void* data) const;

  int num_threads_;
};

} // namespace omni::kernels::cpu
