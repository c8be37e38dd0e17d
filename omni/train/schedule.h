// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The learning rate over a run, as a share of its peak. Plain values.
#pragma once

#include <cstdint>

namespace omni {

enum class ScheduleKind {
  Constant,
  Cosine, // half a cosine from 1 to final_fraction
  WarmupStableDecay, // 1, then linear to final_fraction over the last decay_fraction
};

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::WarmupStableDecay;
  int64_t warmup_steps = 100; // linear from 0
  double decay_fraction = 0.3; // of all steps
  double final_fraction = 0.05; // of the peak, at the end
};

// Share of the peak rate at `step` in [0, num_steps).
[[nodiscard]] double
learning_rate_share(const ScheduleOptions& options, int64_t step, int64_t num_steps);

} // namespace omni
