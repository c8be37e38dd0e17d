// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Rows of media by the content that the encoders read, so that the same picture is
// never encoded twice. Bounded in bytes, least recently used out first. Not
// thread-safe.
#pragma once

#include <list>
#include <string>

#include "omni/model/omni_model.h"

namespace omni {

class EncodedMediaCache {
 public:
  explicit EncodedMediaCache(int64_t max_bytes);

  struct Found {
    EncodedMedia rows;
    bool was_cached = false;
  };
  Found find_or_encode(OmniModel& model, const ProcessedMedia& media);
  [[nodiscard]] int64_t size_bytes() const {
    return size_bytes_;
  }

 private:
  struct Entry {
    std::string digest;
    EncodedMedia rows;
  };
  std::list<Entry> entries_; // most recently used first
  int64_t max_bytes_;
  int64_t size_bytes_ = 0;
};

} // namespace omni
