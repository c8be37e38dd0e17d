// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/av/frame_reader.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace omni::av {

namespace {

// A leap empties the decoder's pipeline, which costs about this many frames.
constexpr size_t kMinLeapPackets = 8;
// Reading is cheaper than seeking up to about this distance.
constexpr int64_t kMinSeekBytes = 4 << 20;
// More gain little and hold a frame each. Two for each core: packets go to threads in
// turn, and one whose packet was passed over waits for its next turn.
constexpr int kMaxThreads = 8;
constexpr int kThreadsPerCore = 2;

// Pixels uint8 [Y, X, 3] into a dense tensor of that shape, in this thread: when ATen
// has shared work out, its threads wait for more on the cores that the decoder needs.
void copy_pixels(const at::Tensor& picture, const at::Tensor& to) {
  const bool has_dense_rows = picture.stride(2) == 1 && picture.stride(1) == 3;
  const at::Tensor from = has_dense_rows ? picture : picture.contiguous();
  const int64_t row_bytes = from.size(1) * 3;
  for (int64_t y = 0; y < from.size(0); ++y) {
    std::memcpy(
        to.mutable_data_ptr<uint8_t>() + y * row_bytes,
        from.const_data_ptr<uint8_t>() + y * from.stride(0),
        static_cast<size_t>(row_bytes));
  }
}

Source& reopened(Source& source) {
  source.reopen();
  source.use_only(source.video_stream());
  return source;
}

} // namespace

FrameReader::FrameReader(Source& source, MediaKind kind, const VideoIndex& index)
    : source_(reopened(source)),
      kind_(kind),
      index_(index),
      decoder_(
          source,
          source.video_stream(),
          std::min(kMaxThreads, kThreadsPerCore * at::get_num_threads())),
      converter_(source.name()),
      orientation_(stream_orientation(source.stream(source.video_stream()))),
      packet_(make_packet()) {}

KeptFrames FrameReader::read(const FramePlan& plan) {
  const auto on_frame = [&](const AVFrame& frame) { keep(frame, plan); };
  while (plan.is_dense || next_wanted_ < plan.ticks.size()) {
    // The next frame of a dense plan is never far.
    if (next_wanted_ == 0 || !plan.is_dense) {
      const size_t start = index_.start_for(plan.ticks[next_wanted_]);
      if (start >= next_number_ + kMinLeapPackets) {
        leap_to(start);
      }
    }
    if (!next_packet() ||
        (packet_->dts != AV_NOPTS_VALUE && packet_->dts >= plan.end_ticks)) {
      break;
    }
    ++num_decoded_packets_;
    decoder_.set_passes_unused(!is_wanted(*packet_, plan));
    decoder_.decode(packet_.get(), on_frame);
    av_packet_unref(packet_.get());
  }
  decoder_.decode(nullptr, on_frame);
  decoder_.check_damage();
  if (kept_.ticks.empty()) {
    source_.name().fail_expected("at least one video frame", "none that decodes");
  }
  const auto num_kept = static_cast<int64_t>(kept_.ticks.size());
  if (num_kept < kept_.frames.size(0)) {
    kept_.frames = kept_.frames.narrow(0, 0, num_kept).clone();
  }
  return std::move(kept_);
}

// Whether the packet's own frame may be one to keep.
bool FrameReader::is_wanted(const AVPacket& packet, const FramePlan& plan) const {
  return plan.is_dense || !index_.has_all_times() ||
      std::binary_search(plan.ticks.begin(), plan.ticks.end(), packet.pts);
}

// The next packet of the stream that the index counts, into packet_.
bool FrameReader::next_packet() {
  if (!has_packet_) {
    do {
      av_packet_unref(packet_.get());
      if (!source_.read(packet_.get())) {
        return false;
      }
    } while (packet_->pts == AV_NOPTS_VALUE && packet_->dts == AV_NOPTS_VALUE);
  }
  has_packet_ = false;
  ++next_number_;
  return true;
}

void FrameReader::leap_to(size_t number) {
  decoder_.flush();
  last_ticks_ = AV_NOPTS_VALUE;
  const std::vector<VideoPacket>& packets = index_.packets();
  // AVI numbers frames instead of timing them: it is read through.
  const bool is_seekable = kind_ == MediaKind::Mp4 || kind_ == MediaKind::Matroska;
  const int64_t from = packets[next_number_].position;
  const int64_t to = packets[number].position;
  if (is_seekable && from >= 0 && to - from > kMinSeekBytes) {
    if (seek_to(number)) {
      return;
    }
    reopened(source_);
    next_number_ = 0;
  }
  while (next_number_ < number && next_packet()) {
  }
}

// Ends with packet_ holding that packet. False when the demuxer landed elsewhere.
bool FrameReader::seek_to(size_t number) {
  const VideoPacket& target = index_.packets()[number];
  if (!source_.seek(source_.video_stream(), target.dts)) {
    return false;
  }
  // It may land on an earlier key frame, or, where time stamps are not in order, on a
  // later one, which shows by its decoding time.
  for (;;) {
    av_packet_unref(packet_.get());
    if (!source_.read(packet_.get())) {
      return false;
    }
    if (packet_->pos == target.position &&
        (packet_->pts == AV_NOPTS_VALUE || packet_->pts == target.pts)) {
      next_number_ = number;
      has_packet_ = true;
      return true;
    }
    if (packet_->pos < 0 || packet_->pos > target.position) {
      return false;
    }
  }
}

// Presentation time; a frame without one follows the last at the same interval.
int64_t FrameReader::time_of(const AVFrame& frame) {
  int64_t ticks = frame.best_effort_timestamp;
  if (ticks == AV_NOPTS_VALUE) {
    if (last_ticks_ == AV_NOPTS_VALUE) {
      return AV_NOPTS_VALUE;
    }
    ticks = last_ticks_ + last_interval_;
  } else if (last_ticks_ != AV_NOPTS_VALUE && ticks > last_ticks_) {
    last_interval_ = ticks - last_ticks_;
  }
  return last_ticks_ = ticks;
}

void FrameReader::keep(const AVFrame& frame, const FramePlan& plan) {
  const int64_t ticks = time_of(frame);
  const bool is_next =
      next_wanted_ < plan.ticks.size() && ticks >= plan.ticks[next_wanted_];
  const bool is_dense = plan.is_dense && next_wanted_ > 0;
  if (ticks == AV_NOPTS_VALUE || ticks >= plan.end_ticks || !(is_next || is_dense) ||
      (!kept_.ticks.empty() && ticks <= kept_.ticks.back())) {
    return;
  }
  const MediaBudget& budget = source_.budget();
  check_picture_size(
      frame.width, frame.height, budget, source_.name(), "a video frame");
  const at::Tensor picture = oriented(converter_.convert(frame), orientation_);
  const auto num_wanted = static_cast<int64_t>(plan.ticks.size());
  if (!kept_.frames.defined()) {
    const int64_t bytes = picture.numel();
    if (num_wanted > budget.max_decoded_bytes / bytes) {
      source_.name().fail_expected(
          "at most " + std::to_string(budget.max_decoded_bytes) +
              " bytes of decoded frames",
          std::to_string(num_wanted) + " frames of " + std::to_string(bytes) + " bytes",
          "Set max_frames, or raise MediaBudget::max_decoded_bytes.");
    }
    kept_.frames =
        at::empty({num_wanted, picture.size(0), picture.size(1), 3}, at::kByte);
  }
  const auto slot = static_cast<int64_t>(kept_.ticks.size());
  if (slot >= kept_.frames.size(0)) {
    return;
  }
  copy_pixels(picture, kept_.frames[slot]);
  kept_.ticks.push_back(ticks);
  while (next_wanted_ < plan.ticks.size() && plan.ticks[next_wanted_] <= ticks) {
    ++next_wanted_;
  }
}

} // namespace omni::av
