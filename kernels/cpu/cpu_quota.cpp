// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>

namespace omni::kernels::cpu {
namespace {

namespace fs = std::filesystem;

using Quota = std::optional<double>;

Quota lower_of(Quota a, Quota b) {
  return a && b ? Quota(std::min(*a, *b)) : a ? a : b;
}

// The kernel writes -1 where version 1 has no limit.
Quota quota_of(double microseconds, double period_microseconds) {
  return microseconds > 0.0 && period_microseconds > 0.0
      ? Quota(microseconds / period_microseconds)
      : std::nullopt;
}

// cpu.max: "QUOTA PERIOD", or "max PERIOD" without a limit, which is no number.
Quota quota_of_version_2(const fs::path& folder) {
  double quota = 0.0, period = 0.0;
  std::ifstream file(folder / "cpu.max");
  return file >> quota >> period ? quota_of(quota, period) : std::nullopt;
}

Quota quota_of_version_1(const fs::path& folder) {
  double quota = 0.0, period = 0.0;
  std::ifstream quota_file(folder / "cpu.cfs_quota_us");
  std::ifstream period_file(folder / "cpu.cfs_period_us");
  return quota_file >> quota && period_file >> period ? quota_of(quota, period)
                                                      : std::nullopt;
}

// `group` below `root`; empty where that is not to be seen: a container may have no
// more than its own group mounted, at `root`, and the names of the host for it.
fs::path visible_group(const fs::path& root, const fs::path& group) {
  const fs::path inside = group.relative_path();
  const bool leaves = std::find(inside.begin(), inside.end(), "..") != inside.end();
  std::error_code ignored;
  return !leaves && fs::is_directory(root / inside, ignored) ? inside : fs::path();
}

// The lowest from a group up to the root.
template <class QuotaOf>
Quota lowest_quota(const fs::path& root, const fs::path& group, const QuotaOf& of) {
  Quota lowest = of(root);
  for (fs::path inside = visible_group(root, group); !inside.empty();
       inside = inside.parent_path()) {
    lowest = lower_of(lowest, of(root / inside));
  }
  return lowest;
}

// Of a list "cpu,cpuacct".
bool has_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu") {
      return true;
    }
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// The process's group by version.
struct CpuGroups {
  fs::path of_version_2 = "/";
  fs::path of_version_1 = "/";
};

// Lines "HIERARCHY:CONTROLLERS:PATH", those of version 2 "0::PATH".
CpuGroups read_cpu_groups(const fs::path& file) {
  CpuGroups groups;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second =
        first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    if (line.starts_with("0::")) {
      groups.of_version_2 = line.substr(second + 1);
    } else if (has_cpu(controllers)) {
      groups.of_version_1 = line.substr(second + 1);
    }
  }
  return groups;
}

} // namespace

std::optional<double> cpu_quota(const fs::path& root, const fs::path& groups) {
  const CpuGroups own = read_cpu_groups(groups);
  return lower_of(
      lowest_quota(root, own.of_version_2, quota_of_version_2),
      lowest_quota(root / "cpu", own.of_version_1, quota_of_version_1));
}

} // namespace omni::kernels::cpu
