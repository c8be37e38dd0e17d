// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/media/peak_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/support/catch.h"

namespace omni::test {
namespace {

// Largest resident size since the last reset, in MiB; 0 where it is not told.
int64_t peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stoll(line.substr(6)) / 1024;
    }
  }
  return 0;
}

bool reset_peak() {
  const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  const bool is_reset = file >= 0 && write(file, "5", 1) == 1;
  if (file >= 0) {
    close(file);
  }
  return is_reset;
}

} // namespace

PeakMemory::PeakMemory() : is_measured_(reset_peak()), before_mib_(peak_mib()) {
  if (!is_measured_ || before_mib_ == 0) {
    is_measured_ = false;
    WARN(
        "memory is not measured here: /proc/self/clear_refs cannot be written, or "
        "/proc/self/status does not tell VmHWM");
  }
}

void PeakMemory::check_grew_less_than(int64_t mib) const {
  if (is_measured_) {
    CHECK(peak_mib() - before_mib_ < mib);
  }
}

} // namespace omni::test
