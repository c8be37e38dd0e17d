// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_interrupt.h"

#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace {

// A handler may touch nothing else.
static_assert(std::atomic<int64_t>::is_always_lock_free);
std::atomic<int64_t> first_press_ns = 0; // 0: none
std::atomic<int64_t> patience_ns = 0;
std::atomic<bool> is_working = false;
std::atomic<bool> ends_when_idle = true;
// As it was found. Written before the handler stands.
termios terminal{};
bool has_terminal = false;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  constexpr int64_t kSecond = 1'000'000'000;
  return now.tv_sec * kSecond + now.tv_nsec;
}

// _exit: nothing else is safe here, and what was said is already written.
[[noreturn]] void end_program() {
  // One in the background would stop here.
  if (has_terminal && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
  }
  _exit(kInterruptedExitCode);
}

void on_interrupt(int) {
  const int saved_errno = errno;
  if (!is_working) {
    if (ends_when_idle) {
      end_program();
    }
  } else if (first_press_ns == 0) {
    first_press_ns = now_ns();
  } else if (now_ns() - first_press_ns >= patience_ns) {
    end_program();
  }
  errno = saved_errno;
}

} // namespace

void handle_interrupts(double patience_seconds) {
  patience_ns = static_cast<int64_t>(patience_seconds * 1e9);
  has_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART; // a press must not spoil what is being written
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

void set_idle_interrupt(IdleInterrupt effect) {
  ends_when_idle = effect == IdleInterrupt::EndsProgram;
}

InterruptibleWork::InterruptibleWork() : is_outermost_(!is_working) {
  if (is_outermost_) {
    first_press_ns = 0;
    is_working = true;
  }
}

InterruptibleWork::~InterruptibleWork() {
  if (is_outermost_) {
    is_working = false;
  }
}

bool is_interrupted() {
  return first_press_ns != 0;
}
