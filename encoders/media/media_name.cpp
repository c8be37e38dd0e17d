// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/media_name.h"

#include <algorithm>
#include <cstdio>

#include "omni/core/errors.h"

namespace omni {

void MediaName::fail(const std::string& cause) const {
  throw IoError(component, subject, cause);
}

void MediaName::fail_expected(
    const std::string& expected,
    const std::string& got,
    const std::string& remedy) const {
  fail(
      "expected " + expected + ", got " + got + "." +
      (remedy.empty() ? "" : " " + remedy));
}

void check_picture_size(
    int64_t width,
    int64_t height,
    const MediaBudget& budget,
    const MediaName& name,
    const std::string& what) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width <= 0 || height <= 0) {
    name.fail_expected(what + " with at least one pixel", size);
  }
  const std::string remedy = "Scale it down, or raise MediaBudget.";
  if (std::max(width, height) > budget.max_image_side) {
    name.fail_expected(
        what + " of at most " + std::to_string(budget.max_image_side) +
            " pixels a side",
        size, remedy);
  }
  // Both sides are bounded here unless the caller's budget is absurd.
  if (width > budget.max_image_pixels / height) {
    name.fail_expected(
        what + " of at most " + std::to_string(budget.max_image_pixels) + " pixels",
        size, remedy);
  }
  const double aspect = static_cast<double>(std::max(width, height)) /
      static_cast<double>(std::min(width, height));
  if (aspect > budget.max_image_aspect) {
    name.fail_expected(
        what + " whose sides differ by a factor of at most " +
            std::to_string(static_cast<int64_t>(budget.max_image_aspect)),
        size);
  }
}

Deadline::Deadline(const MediaBudget& budget, const MediaName& name)
    : end_(
          std::chrono::steady_clock::now() +
          std::chrono::duration_cast<std::chrono::steady_clock::duration>(
              std::chrono::duration<double>(budget.max_wall_seconds))),
      max_wall_seconds_(budget.max_wall_seconds),
      name_(name) {}

bool Deadline::is_over() const {
  return std::chrono::steady_clock::now() > end_;
}

void Deadline::check() const {
  if (is_over()) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", max_wall_seconds_);
    name_.fail(
        std::string("expected reading to end within ") + seconds +
        " s, got a file that takes longer. Ask for a shorter range, or raise "
        "MediaBudget::max_wall_seconds.");
  }
}

} // namespace omni
