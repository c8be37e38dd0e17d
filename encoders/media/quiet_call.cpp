// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/quiet_call.h"

#include <exception>
#include <thread>

#ifdef __linux__
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace omni {

namespace {

// Note [A thread with files of its own]
// Redirecting descriptor 2 would swallow what the rest of the program prints meanwhile.
// On Linux a thread can leave the process's table of descriptors and take a copy along:
// there 2 may be /dev/null. The copy's other entries are closed in the same call, so
// that a pipe that others close is closed.
void leave_standard_error() {
#if defined(__linux__) && defined(SYS_close_range)
  constexpr unsigned kUnshare = 1U << 1; // CLOSE_RANGE_UNSHARE, Linux 5.9
  if (syscall(SYS_close_range, 3U, ~0U, kUnshare) != 0) {
    return;
  }
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) {
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
  }
#endif
}

} // namespace

void call_quietly(const std::function<void()>& work) {
  std::exception_ptr error;
  std::thread thread([&] {
    leave_standard_error();
    try {
      work();
    } catch (...) { // handed to the caller's thread
      error = std::current_exception();
    }
  });
  thread.join();
  if (error) {
    std::rethrow_exception(error);
  }
}

} // namespace omni
