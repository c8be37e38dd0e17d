// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Decodes chosen frames of an indexed stream into one tensor, starting at key frames
// and leaping over what no chosen frame needs.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "encoders/media/av/decoder.h"
#include "encoders/media/av/picture.h"
#include "encoders/media/av/video_index.h"

namespace omni::av {

struct FramePlan {
  std::vector<int64_t> ticks; // presentation times to keep, increasing, not empty
  // Every frame from the first tick on and before the end is kept, also where the index
  // knows another time (some AVI files do not state when their frames are shown).
  bool is_dense = false;
  int64_t end_ticks = INT64_MAX;
};

struct KeptFrames {
  at::Tensor frames; // uint8 [N, Y, X, 3]
  std::vector<int64_t> ticks; // presentation times of the frames, increasing
};

class FrameReader {
 public:
  // Opens the source anew. Keeps references.
  FrameReader(Source& source, MediaKind kind, const VideoIndex& index);
  [[nodiscard]] KeptFrames read(const FramePlan& plan);
  // Packets handed to the decoder so far; the rest was leapt over.
  [[nodiscard]] int64_t num_decoded_packets() const {
    return num_decoded_packets_;
  }

 private:
  void leap_to(size_t number);
  bool seek_to(size_t number);
  bool next_packet();
  bool is_wanted(const AVPacket& packet, const FramePlan& plan) const;
  void keep(const AVFrame& frame, const FramePlan& plan);
  int64_t time_of(const AVFrame& frame);

  Source& source_;
  MediaKind kind_;
  const VideoIndex& index_;
  Decoder decoder_;
  PictureConverter converter_;
  Orientation orientation_;
  Handle<AVPacket> packet_;
  bool has_packet_ = false; // packet_ was read and is still to be decoded
  size_t next_number_ = 0; // of the packet that next_packet() gives
  size_t next_wanted_ = 0; // in the plan
  int64_t num_decoded_packets_ = 0;
  int64_t last_ticks_ = AV_NOPTS_VALUE; // of the frame decoded last
  int64_t last_interval_ = 1; // between it and the one before
  KeptFrames kept_;
};

} // namespace omni::av
