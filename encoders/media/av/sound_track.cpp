// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/av/sound_track.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

namespace omni::av {

namespace {

// Container clocks tick in milliseconds or so: smaller differences are rounding.
constexpr double kMaxDriftSeconds = 0.05;
// Codecs with memory (bit reservoirs, overlapping windows, prediction over 80 ms) are
// started this much before the first sample that is kept.
constexpr double kPrerollSeconds = 1.0;
constexpr int kMaxChannels = 64;
constexpr int64_t kMaxRateHz = 1'000'000;

template <typename T>
void add_channels(const AVFrame& frame, double offset, double scale, float* out) {
  const int num_channels = frame.ch_layout.nb_channels;
  const bool is_planar =
      av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame.format)) != 0;
  for (int i = 0; i < frame.nb_samples; ++i) {
    double sum = 0;
    for (int channel = 0; channel < num_channels; ++channel) {
      const auto* samples =
          reinterpret_cast<const T*>(frame.extended_data[is_planar ? channel : 0]);
      sum += static_cast<double>(samples[is_planar ? i : i * num_channels + channel]) -
          offset;
    }
    out[i] = static_cast<float>(sum * scale / num_channels);
  }
}

void mix_to_mono(const AVFrame& frame, const MediaName& name, float* out) {
  switch (av_get_packed_sample_fmt(static_cast<AVSampleFormat>(frame.format))) {
    case AV_SAMPLE_FMT_U8:
      return add_channels<uint8_t>(frame, 128, 1.0 / 128, out);
    case AV_SAMPLE_FMT_S16:
      return add_channels<int16_t>(frame, 0, 1.0 / 32768, out);
    case AV_SAMPLE_FMT_S32:
      return add_channels<int32_t>(frame, 0, 1.0 / 2147483648.0, out);
    case AV_SAMPLE_FMT_FLT:
      return add_channels<float>(frame, 0, 1.0, out);
    case AV_SAMPLE_FMT_DBL:
      return add_channels<double>(frame, 0, 1.0, out);
    default:
      name.fail_expected("samples of 8 to 32 bits or float", "another sample format");
  }
}

class Collector {
 public:
  Collector(const Source& source, const SoundTrackOptions& options)
      : source_(source),
        options_(options),
        time_base_(source.stream(source.audio_stream()).time_base) {}

  void add(const AVFrame& frame) {
    check_format(frame);
    if (frame.nb_samples <= 0) {
      return;
    }
    mono_.resize(static_cast<size_t>(frame.nb_samples));
    mix_to_mono(frame, source_.name(), mono_.data());
    size_t first = 0;
    size_t last = mono_.size();
    if (options_.is_clocked) {
      const double time = place(frame);
      // Sample i lies at time + i / rate; those in [begin, end) are kept.
      first = count_before(options_.begin_seconds - time, last);
      last = count_before(options_.end_seconds - time, last);
      next_seconds_ = time + static_cast<double>(mono_.size()) / rate();
      if (first >= last) {
        return;
      }
      if (track_.samples.empty()) {
        track_.start_seconds = time + static_cast<double>(first) / rate();
      } else {
        first += align(time + static_cast<double>(first) / rate(), last - first);
      }
    }
    check_length(last - first);
    const auto begin = mono_.begin();
    track_.samples.insert(
        track_.samples.end(), begin + static_cast<ptrdiff_t>(first),
        begin + static_cast<ptrdiff_t>(last));
  }

  [[nodiscard]] MonoTrack finish() {
    for (size_t i = 0; i < track_.samples.size(); ++i) {
      if (!std::isfinite(track_.samples[i])) {
        source_.name().fail_expected(
            "finite samples", "infinity or no number at sample " + std::to_string(i));
      }
    }
    return std::move(track_);
  }

 private:
  [[nodiscard]] double rate() const {
    return static_cast<double>(track_.sample_rate_hz);
  }

  void check_format(const AVFrame& frame) {
    const int channels = frame.ch_layout.nb_channels;
    if (channels < 1 || channels > kMaxChannels || frame.sample_rate < 1 ||
        frame.sample_rate > kMaxRateHz) {
      source_.name().fail_expected(
          "1 to 64 channels at 1 to 1000000 Hz",
          std::to_string(channels) + " at " + std::to_string(frame.sample_rate));
    }
    if (track_.sample_rate_hz == 0) {
      track_.sample_rate_hz = frame.sample_rate;
    } else if (track_.sample_rate_hz != frame.sample_rate) {
      source_.name().fail_expected(
          "one sample rate throughout",
          std::to_string(frame.sample_rate) + " Hz after " +
              std::to_string(track_.sample_rate_hz) + " Hz");
    }
  }

  // Time of a frame's first sample: its time stamp where it departs from the running
  // count of samples by more than rounding.
  double place(const AVFrame& frame) {
    if (frame.pts == AV_NOPTS_VALUE) {
      return next_seconds_;
    }
    const double stamp = static_cast<double>(frame.pts) * av_q2d(time_base_);
    const bool is_first = std::exchange(has_time_, true) == false;
    return is_first || std::abs(stamp - next_seconds_) > kMaxDriftSeconds
        ? stamp
        : next_seconds_;
  }

  [[nodiscard]] size_t count_before(double seconds, size_t limit) const {
    // A thousandth of a sample absorbs the rounding of decimal times.
    const double count = std::ceil(seconds * rate() - 1e-3);
    return static_cast<size_t>(std::clamp(count, 0.0, static_cast<double>(limit)));
  }

  // Makes the end of what is collected meet a sample at `seconds`: fills a gap with
  // silence, or returns how many of the `limit` new samples overlap.
  size_t align(double seconds, size_t limit) {
    const double have = static_cast<double>(track_.samples.size());
    const double gap = std::round((seconds - track_.start_seconds) * rate() - have);
    if (gap < 0) {
      return static_cast<size_t>(std::min(-gap, static_cast<double>(limit)));
    }
    if (gap > 0) {
      check_length(gap);
      track_.samples.resize(track_.samples.size() + static_cast<size_t>(gap), 0.0f);
    }
    return 0;
  }

  void check_length(double num_more) const {
    const MediaBudget& budget = source_.budget();
    const double count = static_cast<double>(track_.samples.size()) + num_more;
    if (count > budget.max_audio_seconds * rate()) {
      source_.name().fail_expected(
          "at most " + std::to_string(static_cast<int64_t>(budget.max_audio_seconds)) +
              " s of sound",
          "more", "Cut it, or raise MediaBudget::max_audio_seconds.");
    }
    if (count * sizeof(float) > static_cast<double>(budget.max_decoded_bytes)) {
      source_.name().fail_expected(
          "at most " + std::to_string(budget.max_decoded_bytes) +
              " bytes of decoded samples",
          "more", "Cut it, or raise MediaBudget::max_decoded_bytes.");
    }
  }
  void check_length(size_t num_more) const {
    check_length(static_cast<double>(num_more));
  }

  const Source& source_;
  const SoundTrackOptions& options_;
  AVRational time_base_;
  MonoTrack track_;
  std::vector<float> mono_;
  double next_seconds_ = 0.0;
  bool has_time_ = false;
};

double packet_seconds(const AVPacket& packet, const AVStream& stream) {
  const int64_t stamp = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  return stamp == AV_NOPTS_VALUE
      ? -std::numeric_limits<double>::infinity()
      : static_cast<double>(stamp) * av_q2d(stream.time_base);
}

} // namespace

MonoTrack read_sound_track(Source& source, const SoundTrackOptions& options) {
  const int index = source.audio_stream();
  const AVStream& stream = source.stream(index);
  source.use_only(index);
  Decoder decoder(source, index, 1);
  Collector collector(source, options);
  const auto collect = [&](const AVFrame& frame) { collector.add(frame); };
  const auto packet = make_packet();
  while (source.read(packet.get())) {
    const double time = packet_seconds(*packet, stream);
    if (time >= options.end_seconds) {
      break;
    }
    if (time + kPrerollSeconds >= options.begin_seconds || !options.is_clocked) {
      decoder.decode(packet.get(), collect);
    }
    av_packet_unref(packet.get());
  }
  decoder.decode(nullptr, collect);
  decoder.check_damage();
  return collector.finish();
}

} // namespace omni::av
