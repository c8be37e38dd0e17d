// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What Ctrl-C does to omni-chat. While something goes on (files are read, media become
// rows, an answer comes) it cancels that; pressed again a second or more later, when
// that has not stopped, it ends the program. While nothing goes on it ends a program
// that nobody talks with, and leaves one with a prompt alone. A program that ends so
// leaves its terminal as it was found. Of the whole process.
#pragma once

enum class IdleInterrupt { EndsProgram, IsIgnored };

constexpr int kInterruptedExitCode = 130; // 128 + SIGINT, as shells have it

// Once, at the start; the program is idle then, and Ctrl-C ends it.
void handle_interrupts(double patience_seconds = 1.0);
void set_idle_interrupt(IdleInterrupt effect);

// Something that Ctrl-C cancels goes on while this lives. One inside another changes
// nothing; the outermost forgets what was pressed before.
class InterruptibleWork {
 public:
  InterruptibleWork();
  ~InterruptibleWork();
  InterruptibleWork(const InterruptibleWork&) = delete;
  InterruptibleWork& operator=(const InterruptibleWork&) = delete;

 private:
  bool is_outermost_;
};

// Whether Ctrl-C was pressed since the work began.
[[nodiscard]] bool is_interrupted();
