// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/av/video_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "encoders/media/av/decoder.h"

namespace omni::av {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Streams of one file are written in step; sound that is this late starts no clock.
constexpr double kMaxInterleaveSeconds = 10.0;
constexpr int kMaxPacketsForStart = 64;

int64_t stamp_of(const AVPacket& packet) {
  return packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
}

// When the sound begins: at its first packet, unless that lies before time zero.
// Then it holds the encoder's delay, which nobody hears, and packets are decoded until
// the first sample comes out.
class SoundStart {
 public:
  explicit SoundStart(Source& source) {
    const int stream = source.audio_stream();
    if (stream >= 0 && has_decoder(source.stream(stream))) {
      stream_ = stream;
      tick_seconds_ = av_q2d(source.stream(stream_).time_base);
      decoder_.emplace(source, stream_, 1);
    }
  }
  void add(const AVPacket& packet) {
    if (packet.stream_index != stream_) {
      return;
    }
    const int64_t stamp = stamp_of(packet);
    if (stamp != AV_NOPTS_VALUE) {
      end_seconds_ = std::max(
          end_seconds_, static_cast<double>(stamp + packet.duration) * tick_seconds_);
    }
    if (is_known()) {
      return;
    }
    if (num_packets_ == 0 && stamp != AV_NOPTS_VALUE && stamp >= 0) {
      seconds_ = static_cast<double>(stamp) * tick_seconds_;
      return;
    }
    decoder_->decode(&packet, [&](const AVFrame& frame) {
      if (!seconds_ && frame.pts != AV_NOPTS_VALUE && frame.nb_samples > 0) {
        seconds_ = static_cast<double>(frame.pts) * tick_seconds_;
      }
    });
    ++num_packets_;
  }
  [[nodiscard]] bool is_known() const {
    return stream_ < 0 || seconds_.has_value() || num_packets_ > kMaxPacketsForStart;
  }
  [[nodiscard]] double seconds() const {
    return seconds_.value_or(kInfinity);
  }
  [[nodiscard]] double end_seconds() const {
    return end_seconds_;
  }

 private:
  int stream_ = -1;
  std::optional<Decoder> decoder_;
  std::optional<double> seconds_;
  double tick_seconds_ = 0.0;
  double end_seconds_ = -kInfinity;
  int num_packets_ = 0;
};

} // namespace

VideoIndex::VideoIndex(Source& source, double end_seconds) {
  const int stream = source.video_stream();
  const AVStream& video = source.stream(stream);
  tick_seconds_ = av_q2d(video.time_base);
  SoundStart sound(source);
  int64_t first_shown = INT64_MAX;
  int64_t last_end = INT64_MIN;
  bool is_whole = true;
  const auto zero = [&] {
    const double video_zero = first_shown == INT64_MAX
        ? kInfinity
        : static_cast<double>(first_shown) * tick_seconds_;
    return std::min(video_zero, sound.seconds());
  };
  const auto packet = make_packet();
  for (; source.read(packet.get()); av_packet_unref(packet.get())) {
    sound.add(*packet);
    if (packet->stream_index != stream || stamp_of(*packet) == AV_NOPTS_VALUE) {
      continue;
    }
    add(*packet, source.budget(), source.name());
    const VideoPacket& added = packets_.back();
    if (added.is_shown) {
      first_shown = std::min(first_shown, added.pts);
      last_end = std::max(last_end, added.pts + packet->duration);
    }
    // Decoding times never exceed presentation times: nothing of the range follows.
    const double time = static_cast<double>(added.dts) * tick_seconds_ - zero();
    if (time >= end_seconds &&
        (sound.is_known() || time >= end_seconds + kMaxInterleaveSeconds)) {
      is_whole = false;
      break;
    }
  }
  if (first_shown == INT64_MAX) {
    source.name().fail_expected("at least one video frame", "none");
  }
  const bool is_reordered = has_untimed_ && video.codecpar->video_delay > 0;
  if (is_reordered) {
    time_untimed(video.codecpar->video_delay);
    first_shown = packets_.front().pts;
    last_end += packets_.back().pts - packets_.back().dts;
  }
  zero_seconds_ = zero();
  const double measured =
      std::max(static_cast<double>(last_end) * tick_seconds_, sound.end_seconds()) -
      zero_seconds_;
  duration_seconds_ =
      is_whole ? measured : std::max(measured, source.declared_seconds());
  for (size_t i = 0; i < packets_.size(); ++i) {
    // Which frame such a key frame is cannot be told without decoding what is before.
    if (packets_[i].is_key && (i == 0 || !is_reordered)) {
      keys_.push_back(i);
    }
  }
  std::stable_sort(keys_.begin(), keys_.end(), [&](size_t left, size_t right) {
    return packets_[left].pts < packets_[right].pts;
  });
}

void VideoIndex::add(
    const AVPacket& packet,
    const MediaBudget& budget,
    const MediaName& name) {
  const double limit = budget.max_video_seconds * budget.max_frames_per_second;
  if (static_cast<double>(packets_.size()) >= limit) {
    name.fail_expected(
        "at most " + std::to_string(static_cast<int64_t>(limit)) + " video packets",
        "more");
  }
  const int64_t pts = stamp_of(packet);
  has_untimed_ |= packet.pts == AV_NOPTS_VALUE;
  packets_.push_back(
      {pts, packet.dts != AV_NOPTS_VALUE ? packet.dts : pts, packet.pos,
       (packet.flags & AV_PKT_FLAG_KEY) != 0,
       (packet.flags & AV_PKT_FLAG_DISCARD) == 0});
}

// The decoder holds `delay` frames back: the first is shown when so many more packets
// were read. The last ones follow at the interval before them.
void VideoIndex::time_untimed(int64_t delay) {
  std::vector<int64_t> times;
  for (const VideoPacket& packet : packets_) {
    times.push_back(packet.dts);
  }
  std::sort(times.begin(), times.end());
  const size_t count = times.size();
  const int64_t interval =
      count > 1 ? std::max<int64_t>(1, times[count - 1] - times[count - 2]) : 1;
  for (int64_t i = 0; i < delay; ++i) {
    times.push_back(times.back() + interval);
  }
  for (size_t i = 0; i < count; ++i) {
    packets_[i].pts = times[i + static_cast<size_t>(delay)];
  }
}

int64_t VideoIndex::ticks(double seconds) const {
  // Half a microsecond absorbs the rounding of decimal times.
  const double count = std::ceil((seconds + zero_seconds_ - 5e-7) / tick_seconds_);
  constexpr double kLimit = 9e18; // below INT64_MAX
  return count >= kLimit ? INT64_MAX : static_cast<int64_t>(std::max(count, -kLimit));
}

std::vector<int64_t> VideoIndex::frames_between(
    double begin_seconds,
    double end_seconds) const {
  const int64_t begin = ticks(begin_seconds);
  const int64_t end = ticks(end_seconds);
  std::vector<int64_t> frames;
  for (const VideoPacket& packet : packets_) {
    if (packet.is_shown && packet.pts >= begin && packet.pts < end) {
      frames.push_back(packet.pts);
    }
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

size_t VideoIndex::start_for(int64_t ticks) const {
  const auto after = std::upper_bound(
      keys_.begin(), keys_.end(), ticks,
      [&](int64_t value, size_t key) { return value < packets_[key].pts; });
  return after == keys_.begin() ? 0 : *(after - 1);
}

} // namespace omni::av
