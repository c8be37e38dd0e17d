// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/huge_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

namespace omni::kernels::cpu {
namespace {

constexpr size_t kPageBytes = size_t{2} << 20;
constexpr size_t kBlockBytes = size_t{64} << 20; // untouched pages of it cost nothing

constexpr size_t round_up(size_t size, size_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

struct Block {
  explicit Block(size_t size_in)
      : size(size_in),
        begin(static_cast<std::byte*>(std::aligned_alloc(kPageBytes, size_in))) {
    if (begin == nullptr) {
      throw std::bad_alloc();
    }
    madvise(begin, size, MADV_HUGEPAGE); // a wish: without it the pages are small
  }
  ~Block() {
    std::free(begin);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  const size_t size;
  std::byte* const begin;
  size_t used = 0;
};

} // namespace

std::shared_ptr<std::byte> take_huge_memory(int64_t num_bytes) {
  static std::mutex mutex;
  static std::weak_ptr<Block> last; // lives as long as a piece of it
  const size_t size = round_up(static_cast<size_t>(num_bytes), 64);
  const std::lock_guard lock(mutex);
  std::shared_ptr<Block> block = last.lock();
  if (!block || block->size - block->used < size) {
    block = std::make_shared<Block>(std::max(kBlockBytes, round_up(size, kPageBytes)));
    last = block;
  }
  std::byte* piece = block->begin + block->used;
  block->used += size;
  return {std::move(block), piece};
}

} // namespace omni::kernels::cpu
