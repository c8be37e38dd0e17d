// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/core/media.h"

#include <c10/util/Exception.h>

#include "omni/core/shapes.h"

namespace omni {

int64_t Image::height() const {
  return pixels.size(0);
}

int64_t Image::width() const {
  return pixels.size(1);
}

double Waveform::duration_seconds() const {
  return static_cast<double>(samples.size(0)) / static_cast<double>(sample_rate_hz);
}

void check_image(const Image& image, const std::string& component) {
  check_shape(image.pixels, {-1, -1, 3}, component, "pixels");
  TORCH_CHECK_TYPE(
      image.pixels.scalar_type() == at::kByte, "[", component,
      "] expected pixels uint8 [Y, X, 3], got ", image.pixels.scalar_type(), " ",
      image.pixels.sizes(), ".");
  TORCH_CHECK_VALUE(
      image.pixels.numel() > 0, "[", component, "] expected at least one pixel, got ",
      image.pixels.sizes(), ".");
}

void check_waveform(const Waveform& waveform, const std::string& component) {
  check_shape(waveform.samples, {-1}, component, "samples");
  TORCH_CHECK_TYPE(
      waveform.samples.scalar_type() == at::kFloat, "[", component,
      "] expected samples float32 [S], got ", waveform.samples.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      waveform.samples.numel() > 0 && waveform.sample_rate_hz > 0, "[", component,
      "] expected samples at a positive rate, got ", waveform.samples.numel(),
      " samples at ", waveform.sample_rate_hz, " Hz.");
}

void check_video(const VideoClip& clip, const std::string& component) {
  check_shape(clip.frames, {-1, -1, -1, 3}, component, "frames");
  check_shape(clip.times_seconds, {clip.frames.size(0)}, component, "times_seconds");
  TORCH_CHECK_TYPE(
      clip.frames.scalar_type() == at::kByte &&
          clip.times_seconds.scalar_type() == at::kDouble,
      "[", component, "] expected frames uint8 and times float64, got ",
      clip.frames.scalar_type(), " and ", clip.times_seconds.scalar_type(), ".");
  TORCH_CHECK_VALUE(
      clip.frames.numel() > 0, "[", component, "] expected at least one frame, got ",
      clip.frames.sizes(), ".");
  if (clip.audio) {
    check_waveform(*clip.audio, component);
  }
}

} // namespace omni
