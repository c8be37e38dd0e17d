// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/train/schedule.h"

#include <algorithm>
#include <cmath>

namespace omni {

double
learning_rate_share(const ScheduleOptions& options, int64_t step, int64_t num_steps) {
  const auto at = static_cast<double>(step);
  const auto total = static_cast<double>(num_steps);
  const auto warmup = static_cast<double>(options.warmup_steps);
  const double rising = warmup > 0 ? std::min(1.0, (at + 1.0) / warmup) : 1.0;
  double falling = 1.0;
  if (options.kind == ScheduleKind::Cosine) {
    const double share =
        std::clamp((at - warmup) / std::max(total - warmup, 1.0), 0.0, 1.0);
    falling = options.final_fraction +
        (1.0 - options.final_fraction) * 0.5 * (1.0 + std::cos(share * M_PI));
  } else if (options.kind == ScheduleKind::WarmupStableDecay) {
    const double begin = total * (1.0 - options.decay_fraction);
    const double share =
        std::clamp((at - begin) / std::max(total - begin, 1.0), 0.0, 1.0);
    falling = 1.0 - (1.0 - options.final_fraction) * share;
  }
  return rising * falling;
}

} // namespace omni
