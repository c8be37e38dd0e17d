// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The packets of a video stream, found by reading the file through without decoding
// it. Tells the time of every frame, where decoding may start, and the clock of the
// clip, at 32 bytes a packet.
#pragma once

#include <vector>

#include "encoders/media/av/source.h"

namespace omni::av {

struct VideoPacket {
  // Presentation, ticks of the stream. A file that states none (AVI) shows its frames
  // in order, at the decoding times, from the one at which the first comes out.
  int64_t pts = 0;
  int64_t dts = 0;
  int64_t position = -1; // byte in the file, or -1
  bool is_key = false;
  bool is_shown = true; // false: only decoded for others, outside of the edit list
};

class VideoIndex {
 public:
  // Reads the source from where it stands (freshly opened) to its end, or past
  // end_seconds on the clip's clock.
  VideoIndex(Source& source, double end_seconds);

  [[nodiscard]] const std::vector<VideoPacket>& packets() const {
    return packets_; // in file order, which is decoding order
  }
  // Whether every packet says when its frame is shown.
  [[nodiscard]] bool has_all_times() const {
    return !has_untimed_;
  }
  // The container's time at which the clip's clock is zero.
  [[nodiscard]] double zero_seconds() const {
    return zero_seconds_;
  }
  // On the clip's clock. Measured when the whole file was read, else the header's.
  [[nodiscard]] double duration_seconds() const {
    return duration_seconds_;
  }
  [[nodiscard]] double seconds(int64_t ticks) const {
    return static_cast<double>(ticks) * tick_seconds_ - zero_seconds_;
  }
  // The first tick at or after a time of the clip's clock.
  [[nodiscard]] int64_t ticks(double seconds) const;
  // Presentation ticks, increasing, of the frames with begin <= time < end.
  [[nodiscard]] std::vector<int64_t> frames_between(
      double begin_seconds,
      double end_seconds) const;
  // Number of the last packet from which the frame shown at `ticks` can be decoded.
  [[nodiscard]] size_t start_for(int64_t ticks) const;

 private:
  void add(const AVPacket& packet, const MediaBudget& budget, const MediaName& name);
  void time_untimed(int64_t delay);

  std::vector<VideoPacket> packets_;
  std::vector<size_t> keys_; // numbers of packets, by increasing pts
  bool has_untimed_ = false; // a packet without presentation time
  double tick_seconds_ = 0.0;
  double zero_seconds_ = 0.0;
  double duration_seconds_ = 0.0;
};

} // namespace omni::av
