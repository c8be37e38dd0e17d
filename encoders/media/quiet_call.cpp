// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/quiet_call.h"

#include <exception>
#include <thread>

#ifdef __linux__
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace omni {

namespace {

// Note [A thread with files of its own]
// Redirecting descriptor 2 would swallow what the rest of the program prints meanwhile.
// On Linux a thread can leave the process's table of descriptors and take a copy along:
// there 2 may be a file in memory. The copy's other entries are closed in the same
// call, so that a pipe that others close is closed. No lock is needed: two such threads
// hear each its own work.
bool leave_standard_error() {
#if defined(__linux__) && defined(SYS_close_range)
  constexpr unsigned kUnshare = 1U << 1; // CLOSE_RANGE_UNSHARE, Linux 5.9
  if (syscall(SYS_close_range, 3U, ~0U, kUnshare) != 0) {
    return false;
  }
  const int memory = memfd_create("omni_quiet_call", MFD_CLOEXEC);
  const bool is_heard = memory >= 0 && dup2(memory, STDERR_FILENO) >= 0;
  if (memory >= 0) {
    close(memory);
  }
  return is_heard;
#else
  return false;
#endif
}

// What was written to standard error since leave_standard_error().
std::string heard() {
#ifdef __linux__
  constexpr size_t kMaxBytes = 64 * 1024;
  std::string text(kMaxBytes, '\0');
  const ssize_t got = pread(STDERR_FILENO, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
#else
  return "";
#endif
}

} // namespace

std::string call_quietly(const std::function<void()>& work) {
  std::exception_ptr error;
  std::string text;
  std::thread thread([&] {
    const bool is_heard = leave_standard_error();
    try {
      work();
    } catch (...) { // handed to the caller's thread
      error = std::current_exception();
    }
    if (is_heard) {
      text = heard();
    }
  });
  thread.join();
  if (error) {
    std::rethrow_exception(error);
  }
  return text;
}

} // namespace omni
