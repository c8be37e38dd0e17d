// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/media_processor.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <string>

#include "omni/core/ceil_divide.h"

namespace omni {
namespace {

struct Row {
  int64_t source = 0; // index among [all image rows, then all sound rows]
  int64_t chunk = 0; // which stretch of seconds_per_chunk it falls in
  float t = 0;
  float y = 0;
  float x = 0;
};

// The log-mel that the vocoder reads, and so the speech codec's.
AudioProcessorOptions codec_audio_options(const VocoderOptions& vocoder) {
  AudioProcessorOptions options;
  options.sample_rate_hz = vocoder.sample_rate_hz;
  options.fft_size = vocoder.fft_size;
  options.hop = vocoder.hop;
  options.num_mels = vocoder.num_mels;
  options.min_hz = vocoder.min_hz;
  options.max_hz = vocoder.max_hz;
  options.floor = vocoder.floor;
  return options;
}

void add_sentence(const std::string& sentence, std::string& text) {
  if (!text.empty() && !sentence.empty()) {
    text += ' ';
  }
  text += sentence;
}

} // namespace

MediaProcessor::MediaProcessor(OmniConfig config) : config_(std::move(config)) {
  if (config_.vision) {
    image_processor_.emplace(config_.vision->processor);
    frame_sampler_.emplace(config_.vision->frame_sampler);
  }
  if (config_.audio) {
    audio_processor_.emplace(config_.audio->processor);
  }
  if (config_.vocoder) {
    codec_audio_processor_.emplace(codec_audio_options(*config_.vocoder));
  }
}

ProcessedMedia MediaProcessor::process(const Image& image) const {
  check_sees();
  ProcessedMedia media;
  media.modality = Modality::Image;
  media.images.push_back(image_processor_->process(image));
  lay_out(media);
  return media;
}

ProcessedMedia MediaProcessor::process(const Waveform& waveform) const {
  ProcessedMedia media;
  media.modality = Modality::Audio;
  add_sound(waveform, media);
  lay_out(media);
  return media;
}

ProcessedMedia MediaProcessor::process(const VideoClip& clip) const {
  check_video(clip, "media_processor");
  ProcessedMedia media;
  media.modality = Modality::Video;
  add_frames(clip, media);
  if (clip.audio && config_.audio) {
    media.audio_start_seconds =
        clip.audio_start_seconds - clip.times_seconds[0].item<double>();
    add_sound(*clip.audio, media);
  } else if (clip.audio) {
    add_sentence("The soundtrack: the model does not read sound.", media.dropped);
  }
  lay_out(media);
  return media;
}

void MediaProcessor::check_sees() const {
  TORCH_CHECK_VALUE(
      config_.vision, "[media_processor] expected a model that reads pictures, got \"",
      config_.name, "\", whose configuration has no `vision`.");
}

void MediaProcessor::check_hears() const {
  TORCH_CHECK_VALUE(
      config_.audio, "[media_processor] expected a model that reads sound, got \"",
      config_.name, "\", whose configuration has no `audio`.");
}

void MediaProcessor::add_frames(const VideoClip& clip, ProcessedMedia& media) const {
  check_sees();
  const SampledFrames sampled = frame_sampler_->sample(clip);
  const double begin = clip.times_seconds[0].item<double>();
  for (const double time : sampled.times_seconds) {
    media.frame_times_seconds.push_back(time - begin);
  }
  media.images = image_processor_->process_frames(
      clip.frames.index_select(0, at::tensor(sampled.indices)));
  add_sentence(sampled.dropped, media.dropped);
}

void MediaProcessor::add_sound(const Waveform& waveform, ProcessedMedia& media) const {
  check_hears();
  const AudioConfig& audio = *config_.audio;
  check_waveform(waveform, "media_processor");
  Waveform heard = waveform;
  const auto limit = static_cast<int64_t>(
      audio.max_seconds * static_cast<double>(waveform.sample_rate_hz));
  if (waveform.samples.size(0) > limit) {
    heard.samples = waveform.samples.narrow(0, 0, limit);
    std::ostringstream sentence;
    sentence << "Sound after " << audio.max_seconds << " s of "
             << waveform.duration_seconds() << " s: the model hears no more at once.";
    add_sentence(sentence.str(), media.dropped);
  }
  media.mel = audio_processor_->process(heard);
  media.seconds_heard = heard.duration_seconds();
}

void MediaProcessor::lay_out(ProcessedMedia& media) const {
  const bool is_video = media.modality == Modality::Video;
  const double speed = config_.positions_per_second;
  const auto chunk_of = [&](double seconds) {
    return is_video
        ? static_cast<int64_t>(std::floor(seconds / config_.seconds_per_chunk + 1e-9))
        : 0;
  };
  std::vector<Row> rows;
  int64_t source = 0;
  for (size_t i = 0; i < media.images.size(); ++i) {
    const PatchGrid& grid = media.images[i].grid;
    const int64_t merge = config_.vision->encoder.merge;
    const double seconds = is_video ? media.frame_times_seconds[i] : 0.0;
    const auto t = static_cast<float>(seconds * speed);
    for (int64_t y = 0; y < grid.rows / merge; ++y) {
      for (int64_t x = 0; x < grid.columns / merge; ++x) {
        rows.push_back(
            {source++, chunk_of(seconds), t, t + static_cast<float>(y),
             t + static_cast<float>(x)});
      }
    }
  }
  if (media.mel.defined()) {
    const AudioConfig& audio = *config_.audio;
    const int64_t num_rows =
        ceil_divide(ConformerImpl::num_rows(media.mel.size(0)), audio.projector.merge);
    for (int64_t i = 0; i < num_rows; ++i) {
      const double seconds =
          media.audio_start_seconds + static_cast<double>(i) / audio.rows_per_second();
      const auto t = static_cast<float>(std::max(seconds, 0.0) * speed);
      rows.push_back({source++, chunk_of(std::max(seconds, 0.0)), t, t, t});
    }
  }
  // Frames before sound within a chunk, both in time order: sources already are.
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.chunk < b.chunk;
  });
  media.num_rows = static_cast<int64_t>(rows.size());
  media.positions = at::empty({media.num_rows, 3}, at::kFloat);
  auto* position = media.positions.mutable_data_ptr<float>();
  media.row_order.clear();
  for (const Row& row : rows) {
    media.row_order.push_back(row.source);
    *position++ = row.t;
    *position++ = row.y;
    *position++ = row.x;
  }
}

at::Tensor MediaProcessor::codec_pixels(const Image& image) const {
  check_image(image, "media_processor");
  TORCH_CHECK_VALUE(
      config_.image_codec, "[media_processor] expected a model that draws, got \"",
      config_.name, "\", whose configuration has no `image_codec`.");
  const int64_t size = config_.image_codec->image_size;
  return resize_pixels(image.pixels, size, size, Interpolation::Bicubic)
      .permute({2, 0, 1})
      .to(at::kFloat)
      .div_(127.5)
      .sub_(1.0);
}

at::Tensor MediaProcessor::codec_mel(const Waveform& waveform) const {
  TORCH_CHECK_VALUE(
      config_.vocoder, "[media_processor] expected a model that speaks, got \"",
      config_.name, "\", whose configuration has no `vocoder`.");
  return codec_audio_processor_->process(waveform);
}

} // namespace omni
