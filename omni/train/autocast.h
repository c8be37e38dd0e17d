// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// bfloat16 products over float32 weights, for as long as an object lives. Of the thread
// that makes it.
#pragma once

#include <ATen/autocast_mode.h>

namespace omni {

// Computes in bfloat16 where autocast says so, for as long as it lives.
class Autocast {
 public:
  explicit Autocast(bool is_enabled)
      : was_enabled_(at::autocast::is_autocast_enabled(at::kCPU)),
        was_cached_(at::autocast::is_autocast_cache_enabled()) {
    // The cache of casts is one for all threads: a graph of one would end in another's.
    at::autocast::set_autocast_cache_enabled(false);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, is_enabled);
  }
  ~Autocast() {
    at::autocast::set_autocast_enabled(at::kCPU, was_enabled_);
    at::autocast::set_autocast_cache_enabled(was_cached_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool was_enabled_;
  bool was_cached_;
};

} // namespace omni
