// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Packets of one stream in, frames in presentation order out. Damaged packets are
// forgiven as long as they are few (junk after the last frame of an MP3 is common),
// and an error that says how many beyond that. One thread of ours, some of FFmpeg's.
#pragma once

#include <functional>
#include <optional>

#include "encoders/media/av/source.h"

namespace omni::av {

class Decoder {
 public:
  // Keeps references to the budget and the name of the source.
  Decoder(const Source& source, int stream, int num_threads);

  using OnFrame = std::function<void(const AVFrame&)>;
  // Null ends the stream: what is still inside comes out.
  void decode(const AVPacket* packet, const OnFrame& on_frame);
  // Whether packets that follow are passed over when no other frame is made from
  // theirs. H.264 alone knows these without decoding them; other packets are all
  // decoded.
  void set_passes_unused(bool passes);
  // Forgets what is inside; the next packet must be a key frame.
  void flush();
  // Throws when more than 2 packets and 1 in 100 were damaged.
  void check_damage() const;

 private:
  const MediaName& name_;
  const Deadline& deadline_;
  Handle<AVCodecContext> codec_;
  Handle<AVFrame> frame_;
  int64_t num_packets_ = 0;
  int64_t num_damaged_ = 0;
};

} // namespace omni::av
