// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "examples/chat_interrupt.h"

#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "tests/support/catch.h"

namespace {

constexpr double kPatienceSeconds = 0.02;
constexpr int kLived = 7;

// How a process of its own that does `what` ends.
int exit_code_of(const std::function<void()>& what) {
  const pid_t child = fork();
  if (child == 0) {
    handle_interrupts(kPatienceSeconds);
    what();
    _exit(kLived);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void press() {
  std::raise(SIGINT);
}

void lose_patience() {
  usleep(static_cast<useconds_t>(2 * kPatienceSeconds * 1e6));
}

// What went wrong in a child ends it in another way.
void require(bool is_so) {
  if (!is_so) {
    _exit(1);
  }
}

} // namespace

TEST_CASE("Ctrl-C cancels the work that goes on, however fast it is pressed") {
  CHECK(exit_code_of([] {
          {
            const InterruptibleWork work;
            require(!is_interrupted());
            for (int i = 0; i < 5; ++i) {
              press();
            }
            const InterruptibleWork inner;
            require(is_interrupted());
          }
          const InterruptibleWork next;
          require(!is_interrupted());
        }) == kLived);
}

TEST_CASE("Ctrl-C ends a program whose work does not stop") {
  CHECK(exit_code_of([] {
          const InterruptibleWork work;
          press();
          lose_patience();
          press();
        }) == kInterruptedExitCode);
}

TEST_CASE("Ctrl-C that ends a program leaves its terminal as it was found") {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    handle_interrupts();
    termios modes{};
    require(tcgetattr(STDIN_FILENO, &modes) == 0);
    modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    require(tcsetattr(STDIN_FILENO, TCSANOW, &modes) == 0);
    press();
    _exit(kLived);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == kInterruptedExitCode);
  termios modes{};
  REQUIRE(tcgetattr(terminal, &modes) == 0);
  CHECK((modes.c_lflag & ECHO) != 0);
  close(terminal);
}

TEST_CASE("Ctrl-C while nothing goes on ends a program, but not one with a prompt") {
  CHECK(exit_code_of(press) == kInterruptedExitCode);
  CHECK(exit_code_of([] {
          set_idle_interrupt(IdleInterrupt::IsIgnored);
          press();
          lose_patience();
          press();
          const InterruptibleWork work;
          require(!is_interrupted());
        }) == kLived);
  CHECK(exit_code_of([] {
          { const InterruptibleWork work; }
          press();
        }) == kInterruptedExitCode);
}
