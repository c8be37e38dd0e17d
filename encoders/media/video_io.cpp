// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/video_io.h"

#include <c10/util/Exception.h>

#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "encoders/media/av/frame_reader.h"
#include "encoders/media/av/sound_track.h"
#include "encoders/media/av/tensors.h"
#include "encoders/media/av/video_index.h"
#include "encoders/media/byte_source.h"
#include "encoders/media/container_check.h"
#include "encoders/media/video_sampling.h"

namespace omni {

namespace {

constexpr int64_t kSniffBytes = 4096;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMaxOptionHz = 1000.0; // frames_per_second

void check_options(const VideoOptions& options, const std::string& component) {
  TORCH_CHECK_VALUE(
      std::isfinite(options.begin_seconds) && options.begin_seconds >= 0, "[",
      component, "] expected begin_seconds of at least 0, got ", options.begin_seconds,
      ".");
  TORCH_CHECK_VALUE(
      !options.end_seconds || *options.end_seconds > options.begin_seconds, "[",
      component, "] expected end_seconds after begin_seconds (", options.begin_seconds,
      "), got ", options.end_seconds.value_or(0.0), ".");
  TORCH_CHECK_VALUE(
      !options.frames_per_second ||
          (*options.frames_per_second > 0 &&
           *options.frames_per_second <= kMaxOptionHz),
      "[", component, "] expected frames_per_second in (0, 1000], got ",
      options.frames_per_second.value_or(0.0), ".");
  TORCH_CHECK_VALUE(
      !options.max_frames || *options.max_frames >= 1, "[", component,
      "] expected max_frames of at least 1, got ", options.max_frames.value_or(0), ".");
}

void check_times(
    const std::vector<double>& times,
    const MediaBudget& budget,
    const MediaName& name) {
  if (times.empty()) {
    name.fail_expected("at least one video frame in the range", "none");
  }
  const double span = times.back() - times.front();
  if (!(span <= budget.max_video_seconds)) {
    name.fail_expected(
        "at most " + std::to_string(static_cast<int64_t>(budget.max_video_seconds)) +
            " s of video",
        std::to_string(span) + " s",
        "Set begin_seconds and end_seconds, or raise MediaBudget::max_video_seconds.");
  }
  const double intervals = static_cast<double>(times.size()) - 1;
  if (intervals > budget.max_frames_per_second * span) {
    name.fail_expected(
        "at most " +
            std::to_string(static_cast<int64_t>(budget.max_frames_per_second)) +
            " frames per second",
        std::to_string(times.size()) + " frames in " + std::to_string(span) + " s");
  }
}

// Chooses among the frames of the range.
av::FramePlan plan(
    const av::VideoIndex& index,
    const std::vector<int64_t>& in_range,
    const VideoOptions& options,
    const MediaBudget& budget,
    const MediaName& name) {
  std::vector<double> times;
  times.reserve(in_range.size());
  for (const int64_t ticks : in_range) {
    times.push_back(index.seconds(ticks));
  }
  check_times(times, budget, name);
  av::FramePlan plan;
  for (const size_t i : plan_frames(
           times, options.begin_seconds, options.frames_per_second,
           options.max_frames)) {
    plan.ticks.push_back(in_range[i]);
  }
  plan.is_dense = plan.ticks.size() == in_range.size();
  if (static_cast<int64_t>(plan.ticks.size()) > budget.max_video_frames) {
    name.fail_expected(
        "at most " + std::to_string(budget.max_video_frames) + " frames to keep",
        std::to_string(plan.ticks.size()),
        "Set max_frames, frames_per_second or a shorter range.");
  }
  return plan;
}

void read_soundtrack(
    av::Source& source,
    const av::VideoIndex& index,
    double begin_seconds,
    double end_seconds,
    VideoClip& clip) {
  source.reopen();
  const double zero = index.zero_seconds();
  av::MonoTrack track =
      av::read_sound_track(source, {true, begin_seconds + zero, end_seconds + zero});
  if (!track.samples.empty()) {
    clip.audio_start_seconds = track.start_seconds - zero;
    clip.audio = Waveform{
        av::to_tensor(std::move(track.samples)), track.sample_rate_hz, clip.source};
  }
}

VideoClip decode_source(
    ByteSource& bytes,
    const VideoOptions& options,
    const MediaBudget& budget,
    const MediaName& name) {
  const Deadline deadline(budget, name);
  const MediaKind kind = sniff(bytes.read_range(0, kSniffBytes));
  if (!is_movie(kind)) {
    name.fail_expected(
        "an MP4, MOV, MKV, WebM or AVI video", describe(kind),
        is_picture(kind)     ? "Use read_image()."
            : is_sound(kind) ? "Use read_audio()."
                             : "");
  }
  check_container(bytes, kind, name);
  av::Source source(bytes, kind, budget, name, deadline);
  if (source.video_stream() < 0) {
    name.fail_expected(
        "a video stream in " + describe(kind), "none",
        source.audio_stream() >= 0 ? "Use read_audio() for its sound." : "");
  }
  // The clock's zero is computed: rounding must not cut what lies on it.
  const double begin = options.begin_seconds > 0 ? options.begin_seconds : -kInfinity;
  const double end = options.end_seconds.value_or(kInfinity);
  const av::VideoIndex index(source, end);
  const std::vector<int64_t> in_range = index.frames_between(begin, end);
  av::FramePlan frame_plan = plan(index, in_range, options, budget, name);
  frame_plan.end_ticks = index.ticks(end);

  av::FrameReader reader(source, kind, index);
  const av::KeptFrames kept = reader.read(frame_plan);
  VideoClip clip;
  clip.source = name.subject;
  clip.frames = kept.frames;
  std::vector<double> times;
  for (const int64_t ticks : kept.ticks) {
    times.push_back(index.seconds(ticks));
  }
  clip.times_seconds = at::tensor(times, at::kDouble);
  clip.duration_seconds = index.duration_seconds();
  clip.num_frames_in_file = static_cast<int64_t>(in_range.size());
  if (options.with_audio && source.audio_stream() >= 0) {
    read_soundtrack(source, index, begin, end, clip);
  }
  return clip;
}

} // namespace

VideoClip read_video(
    const std::filesystem::path& path,
    const VideoOptions& options,
    const MediaBudget& budget) {
  const MediaName name{"read_video", path.string()};
  check_options(options, name.component);
  return decode_source(*open_byte_source(path, budget, name), options, budget, name);
}

VideoClip decode_video(
    std::string_view bytes,
    const std::string& name,
    const VideoOptions& options,
    const MediaBudget& budget) {
  const MediaName media{"decode_video", name};
  check_options(options, media.component);
  return decode_source(*make_byte_source(bytes, budget, media), options, budget, media);
}

} // namespace omni
