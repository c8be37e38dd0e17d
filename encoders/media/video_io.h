// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Video files become VideoClips: MP4, MOV, MKV, WebM, AVI. Frames upright, with the
// time stamps of the file; the soundtrack on the same clock, whose zero is the first
// moment either of them is presented. Only the frames that are kept are held, and
// whole groups of frames between them are not even decoded. Thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "encoders/media/media_budget.h"
#include "omni/core/media.h"

namespace omni {

struct VideoOptions {
  // Frames and samples with begin <= time < end are read.
  double begin_seconds = 0.0;
  std::optional<double> end_seconds = {};
  // Keeps the frames that a viewer sees at begin, begin + 1 / frames_per_second, ...;
  // never one of them twice. Absent: every frame.
  std::optional<double> frames_per_second = {};
  // Thins what would be kept out evenly, first and last included, to at most so many.
  std::optional<int64_t> max_frames = {};
  bool with_audio = true;
};

// Throws IoError naming the file and the cause, ValueError for senseless options. A
// clip without sound has no audio. `num_frames_in_file` counts the range [begin, end).
[[nodiscard]] VideoClip read_video(
    const std::filesystem::path& path,
    const VideoOptions& options = {},
    const MediaBudget& budget = {});

// The same of bytes in memory; `name` stands for the path in errors and receipts.
[[nodiscard]] VideoClip decode_video(
    std::string_view bytes,
    const std::string& name = "bytes",
    const VideoOptions& options = {},
    const MediaBudget& budget = {});

} // namespace omni
