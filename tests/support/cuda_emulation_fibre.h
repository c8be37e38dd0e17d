// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// A function on a stack of its own that can stop in its midst and go on later. Fibres
// are resumed from one place, the scheduler of cuda_emulation.cpp, on one OS thread.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace omni::testing {

class Fibre {
 public:
  // `body` must not throw. When it ends the fibre stops, and resume() runs it again.
  explicit Fibre(std::function<void()> body);
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  // Runs on until the fibre stops.
  void resume();
  // Called in the fibre: stops it.
  void stop();
  // Forgets where the fibre stopped: resume() begins anew. Nothing on its stack is
  // destroyed.
  void give_up();

 private:
  using Jump = void* [5]; // what __builtin_setjmp fills

  static void exchange(Jump& from, Jump& to, const ucontext_t* entry);
  [[noreturn]] static void enter();

  std::function<void()> body_;
  void* stack_ = nullptr;
  void* fake_stack_ = nullptr; // AddressSanitizer's, while the fibre waits
  bool is_entered_ = false;
  ucontext_t entry_;
  Jump own_;
  Jump resumer_;
};

} // namespace omni::testing
