// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// How much of the processor the control groups that this process is in allow it. Reads
// files of the system, those of versions 1 and 2 alike; what is missing or makes no
// sense there is no limit. No torch.
#pragma once

#include <filesystem>
#include <optional>

namespace omni::kernels::cpu {

// Cores' worth of time: the lowest quota of the process's own group and of those that
// hold it; none where no group has one. `root` is where control groups are mounted,
// `groups` the file that names those of the process.
[[nodiscard]] std::optional<double> cpu_quota(
    const std::filesystem::path& root = "/sys/fs/cgroup",
    const std::filesystem::path& groups = "/proc/self/cgroup");

} // namespace omni::kernels::cpu
