// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// The values that media become: Image, Waveform, VideoClip. Plain tensors with their
// units; they own nothing else and are cheap to copy (tensors share storage). `source`
// says where a value came from (a path, "bytes", or empty) and is only for receipts.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace omni {

struct Image {
  at::Tensor pixels; // uint8 [Y, X, 3], RGB
  std::string source;

  [[nodiscard]] int64_t height() const;
  [[nodiscard]] int64_t width() const;
};

struct Waveform {
  at::Tensor samples; // float32 [S], mono, nominally in [-1, 1]
  int64_t sample_rate_hz = 0;
  std::string source;

  [[nodiscard]] double duration_seconds() const;
};

struct VideoClip {
  at::Tensor frames; // uint8 [N, Y, X, 3], RGB, as a player would show them
  at::Tensor times_seconds; // float64 [N], increasing, of the clip's own clock
  std::optional<Waveform> audio; // the soundtrack
  double audio_start_seconds = 0.0; // time of audio's first sample, same clock
  double duration_seconds = 0.0; // of the whole clip, frames kept or not
  int64_t num_frames_in_file = 0; // frames the requested range holds; 0: unknown
  std::string source;
};

// Each throws ValueError or TypeError (as [component]) unless the value is as
// declared above and not empty.
void check_image(const Image& image, const std::string& component);
void check_waveform(const Waveform& waveform, const std::string& component);
void check_video(const VideoClip& clip, const std::string& component);

} // namespace omni
