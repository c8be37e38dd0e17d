// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Resident memory would not show what is reserved and never touched, and a limit of the
// address space would also count the stacks and arenas of threads. So the functions
// that the C library lets a program replace are replaced: all libraries call these.
#include "tests/media/peak_memory.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "tests/support/catch.h"

namespace {

std::atomic<int64_t> live_bytes = 0;
std::atomic<int64_t> peak_bytes = 0;

} // namespace

#ifdef __GLIBC__
namespace {

void* counted(void* block) noexcept {
  if (block != nullptr) {
    const auto size = static_cast<int64_t>(malloc_usable_size(block));
    const int64_t live = live_bytes.fetch_add(size, std::memory_order_relaxed) + size;
    int64_t peak = peak_bytes.load(std::memory_order_relaxed);
    while (live > peak &&
           !peak_bytes.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
    }
  }
  return block;
}

void discount(void* block) noexcept {
  if (block != nullptr) {
    live_bytes.fetch_sub(
        static_cast<int64_t>(malloc_usable_size(block)), std::memory_order_relaxed);
  }
}

} // namespace

extern "C" {

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* block, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* block);

void* malloc(size_t size) noexcept {
  return counted(__libc_malloc(size));
}

void* calloc(size_t count, size_t size) noexcept {
  return counted(__libc_calloc(count, size));
}

void* realloc(void* block, size_t size) noexcept {
  const auto before =
      block == nullptr ? 0 : static_cast<int64_t>(malloc_usable_size(block));
  void* moved = __libc_realloc(block, size);
  if (moved != nullptr || size == 0) {
    live_bytes.fetch_sub(before, std::memory_order_relaxed);
  }
  return counted(moved);
}

void* memalign(size_t alignment, size_t size) noexcept {
  return counted(__libc_memalign(alignment, size));
}

void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return counted(__libc_memalign(alignment, size));
}

int posix_memalign(void** block, size_t alignment, size_t size) noexcept {
  void* made = counted(__libc_memalign(alignment, size));
  if (made == nullptr) {
    return ENOMEM;
  }
  *block = made;
  return 0;
}

void free(void* block) noexcept {
  discount(block);
  __libc_free(block);
}

} // extern "C"
#endif

namespace omni::test {

PeakMemory::PeakMemory() : before_bytes_(live_bytes) {
  peak_bytes = before_bytes_;
  if (before_bytes_ <= 0) {
    WARN("memory is not measured here: the allocator could not be replaced");
  }
}

int64_t PeakMemory::grown_bytes() const {
  return peak_bytes - before_bytes_;
}

void PeakMemory::check_grew_less_than(int64_t mib) const {
  CHECK(grown_bytes() < mib << 20);
}

} // namespace omni::test
