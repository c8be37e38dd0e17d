// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/av/decoder.h"

#include <string>

namespace omni::av {

namespace {

constexpr int64_t kForgivenPackets = 2;
constexpr int64_t kPacketsPerForgiven = 100;

} // namespace

Decoder::Decoder(const Source& source, int stream, int num_threads)
    : name_(source.name()), deadline_(source.deadline()), frame_(make_frame()) {
  const AVStream& from = source.stream(stream);
  const AVCodec* codec = find_decoder(from, name_);
  codec_.reset(avcodec_alloc_context3(codec));
  int error = avcodec_parameters_to_context(codec_.get(), from.codecpar);
  if (error >= 0) {
    codec_->pkt_timebase = from.time_base;
    codec_->thread_count = num_threads;
    codec_->max_pixels = source.budget().max_image_pixels;
    error = avcodec_open2(codec_.get(), codec, nullptr);
  }
  if (error < 0) {
    name_.fail_expected(
        std::string("a ") + codec->name + " stream that can be decoded",
        "'" + error_text(error) + "'");
  }
}

void Decoder::decode(const AVPacket* packet, const OnFrame& on_frame) {
  deadline_.check();
  num_packets_ += packet != nullptr;
  // Frames are always taken out first, so that the decoder has room.
  bool is_damaged = packet != nullptr && (packet->flags & AV_PKT_FLAG_CORRUPT);
  const int sent = avcodec_send_packet(codec_.get(), packet);
  is_damaged |= sent < 0 && sent != AVERROR_EOF;
  for (;;) {
    const int error = avcodec_receive_frame(codec_.get(), frame_.get());
    if (error == AVERROR(EAGAIN) || error == AVERROR_EOF) {
      break;
    }
    if (error < 0) {
      is_damaged = true;
      if (packet != nullptr) {
        break;
      }
      // While draining, each error belongs to one frame that some thread held.
      if (++num_damaged_ > num_packets_ + kForgivenPackets) {
        break;
      }
      continue;
    }
    on_frame(*frame_);
    av_frame_unref(frame_.get());
  }
  num_damaged_ += is_damaged;
}

void Decoder::set_passes_unused(bool passes) {
  if (codec_->codec_id == AV_CODEC_ID_H264) {
    codec_->skip_frame = passes ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
  }
}

void Decoder::flush() {
  avcodec_flush_buffers(codec_.get());
}

void Decoder::check_damage() const {
  if (num_damaged_ > kForgivenPackets + num_packets_ / kPacketsPerForgiven ||
      (num_damaged_ > 0 && num_damaged_ >= num_packets_)) {
    name_.fail_expected(
        "packets that can be decoded",
        std::to_string(num_damaged_) + " damaged ones of " +
            std::to_string(num_packets_),
        "The file is damaged.");
  }
}

} // namespace omni::av
