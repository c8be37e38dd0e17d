// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Which frames of a range are kept, decided by their times alone before any of them is
// decoded. Torch-free.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace omni {

// Indices, increasing, into `times` (seconds, increasing, not empty). With a rate:
// those on screen at begin_seconds + k / frames_per_second for k = 0, 1, ..., the first
// frame standing in until it appears. With max_frames: spread evenly over what is
// left, first and last included (the middle one of them when it is 1).
[[nodiscard]] std::vector<size_t> plan_frames(
    const std::vector<double>& times,
    double begin_seconds,
    std::optional<double> frames_per_second,
    std::optional<int64_t> max_frames);

} // namespace omni
