// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Names one media input in errors: the public function that reads it and the path, or
// what stands for it. Also the wall-time of one call. Torch-free.
#pragma once

#include <chrono>
#include <string>

#include "encoders/media/media_budget.h"

namespace omni {

struct MediaName {
  std::string component; // "read_image"
  std::string subject; // "cat.png"

  // Throws IoError "[component] subject: cause".
  [[noreturn]] void fail(const std::string& cause) const;
  // The same with the cause "expected X, got Y." and a remedy when there is one.
  [[noreturn]] void fail_expected(
      const std::string& expected,
      const std::string& got,
      const std::string& remedy = "") const;
};

// Throws unless a picture or frame of this size fits the budget; `what` is "a
// picture" or "a video frame".
void check_picture_size(
    int64_t width,
    int64_t height,
    const MediaBudget& budget,
    const MediaName& name,
    const std::string& what = "a picture");

// Starts counting when made.
class Deadline {
 public:
  Deadline(const MediaBudget& budget, const MediaName& name);
  [[nodiscard]] bool is_over() const;
  // Throws when over.
  void check() const;

 private:
  std::chrono::steady_clock::time_point end_;
  double max_wall_seconds_;
  MediaName name_;
};

} // namespace omni
