// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "kernels/cpu/kept_memory.h"

#include <ATen/Functions.h>
#include <c10/util/accumulate.h>

#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace omni::kernels::cpu {
namespace {

// malloc keeps smaller pieces itself.
constexpr size_t kLeastBytes = size_t{64} << 10;
constexpr size_t kMostKeptBytes = size_t{256} << 20;

class KeptMemory {
 public:
  // Never destroyed: results may be freed after the statics are.
  static KeptMemory& of_process() {
    static auto* const memory = new KeptMemory;
    return *memory;
  }

  void* take(size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      std::vector<void*>& kept = kept_[bytes];
      if (!kept.empty()) {
        void* piece = kept.back();
        kept.pop_back();
        kept_bytes_ -= bytes;
        return piece;
      }
    }
    void* piece = std::aligned_alloc(64, bytes);
    if (piece == nullptr) {
      throw std::bad_alloc();
    }
    return piece;
  }

  void give_back(void* piece, size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (kept_bytes_ + bytes <= kMostKeptBytes) {
        kept_[bytes].push_back(piece);
        kept_bytes_ += bytes;
        return;
      }
    }
    std::free(piece);
  }

 private:
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> kept_; // by size
  size_t kept_bytes_ = 0;
};

// Few different sizes, so that pieces fit again: the next multiple of an eighth of a
// power of two.
size_t size_class(size_t bytes) {
  const size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

} // namespace

at::Tensor empty(at::IntArrayRef sizes, const at::TensorOptions& options) {
  const auto entries = static_cast<size_t>(c10::multiply_integers(sizes));
  const size_t bytes = entries * options.dtype().itemsize();
  if (bytes < kLeastBytes || !options.device().is_cpu()) {
    return at::empty(sizes, options);
  }
  const size_t size = size_class(bytes);
  void* piece = KeptMemory::of_process().take(size);
  return at::from_blob(
      piece, sizes,
      [size](void* data) { KeptMemory::of_process().give_back(data, size); },
      options.requires_grad(false));
}

} // namespace omni::kernels::cpu
