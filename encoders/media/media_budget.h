// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What reading one media file may cost, the same object for every path. Each limit is
// held against work that is done (bytes read, samples and frames decoded), or against
// a size before it is allocated; a duration that a header declares is never believed.
// Torch-free.
#pragma once

#include <cstdint>

namespace omni {

struct MediaBudget {
  int64_t max_bytes = 256LL << 20; // of the file or buffer
  int64_t max_image_pixels = 50'000'000; // of a picture or of one video frame
  int64_t max_image_side = 16'384; // pixels
  double max_image_aspect = 200.0; // long side over short side
  double max_audio_seconds = 3600.0; // decoded
  double max_video_seconds = 3600.0; // of the requested range that is walked through
  int64_t max_video_frames = 1'024; // kept
  double max_frames_per_second = 1'000.0; // by the time stamps of the frames
  int64_t max_streams = 16;
  int64_t max_decoded_bytes = 4LL << 30; // of the frames kept, or of the samples
  double max_wall_seconds = 120.0; // of one call
};

} // namespace omni
