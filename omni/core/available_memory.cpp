// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/available_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace omni {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

int64_t available_in_system() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  int64_t kibibytes = 0;
  while (file >> name >> kibibytes && std::getline(file, unit)) {
    if (name == "MemAvailable:") {
      return kibibytes * 1024;
    }
  }
  return kUnlimited;
}

int64_t available_in_group() {
  int64_t limit = 0, used = 0; // "max" is no number
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit &&
      std::ifstream("/sys/fs/cgroup/memory.current") >> used) {
    return std::max<int64_t>(0, limit - used);
  }
  return kUnlimited;
}

} // namespace

int64_t available_memory_bytes() {
  return std::min(available_in_system(), available_in_group());
}

} // namespace omni
