// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Note [Changes of stack]
// ucontext enters a fibre once; after that __builtin_longjmp changes stacks, because
// swapcontext makes a system call, and AddressSanitizer forgets the guards of the whole
// stack at each (measured: 20 times slower). AddressSanitizer is told of every change,
// or it would take a fibre's frames for wild memory.
#include "tests/support/cuda_emulation_fibre.h"

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/mman.h>

#include <new>
#include <utility>

namespace omni::testing {
namespace {

constexpr size_t kStackBytes = 256 * 1024;

// Of the fibre that is being resumed, and the stack that resumes it.
Fibre* current = nullptr;
void* resumer_fake_stack = nullptr;
const void* resumer_stack = nullptr;
size_t resumer_stack_bytes = 0;

[[gnu::noinline, gnu::no_sanitize("address", "undefined")]] void jump_to(void** to) {
  __builtin_longjmp(to, 1);
}

} // namespace

Fibre::Fibre(std::function<void()> body) : body_(std::move(body)) {
  stack_ = mmap(
      nullptr, kStackBytes, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack_ == MAP_FAILED) {
    throw std::bad_alloc();
  }
}

Fibre::~Fibre() {
  __asan_unpoison_memory_region(stack_, kStackBytes);
  munmap(stack_, kStackBytes);
}

// Goes to `entry`, or to where `to` stopped, and is back when something jumps to
// `from`.
[[gnu::noinline, gnu::no_sanitize("address", "undefined")]] void
Fibre::exchange(Jump& from, Jump& to, const ucontext_t* entry) {
  if (__builtin_setjmp(from) == 0) {
    if (entry != nullptr) {
      setcontext(entry);
    }
    jump_to(to);
  }
}

void Fibre::enter() {
  __sanitizer_finish_switch_fiber(nullptr, &resumer_stack, &resumer_stack_bytes);
  Fibre& self = *current;
  for (;;) {
    self.body_();
    self.stop();
  }
}

void Fibre::resume() {
  const bool is_new = !is_entered_;
  if (is_new) {
    __asan_unpoison_memory_region(stack_, kStackBytes);
    fake_stack_ = nullptr;
    getcontext(&entry_);
    entry_.uc_stack.ss_sp = stack_;
    entry_.uc_stack.ss_size = kStackBytes;
    entry_.uc_link = nullptr;
    makecontext(&entry_, &Fibre::enter, 0);
    is_entered_ = true;
  }
  current = this;
  __sanitizer_start_switch_fiber(&resumer_fake_stack, stack_, kStackBytes);
  exchange(resumer_, own_, is_new ? &entry_ : nullptr);
  __sanitizer_finish_switch_fiber(resumer_fake_stack, nullptr, nullptr);
}

void Fibre::stop() {
  __sanitizer_start_switch_fiber(&fake_stack_, resumer_stack, resumer_stack_bytes);
  exchange(own_, resumer_, nullptr);
  __sanitizer_finish_switch_fiber(fake_stack_, &resumer_stack, &resumer_stack_bytes);
}

void Fibre::give_up() {
  is_entered_ = false;
}

} // namespace omni::testing
