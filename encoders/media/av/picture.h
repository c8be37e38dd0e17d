// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Decoded frames become RGB pixels, by the same conversion as FFmpeg's own scaler with
// its default settings: the matrix and range that the frame states, else BT.601.
#pragma once

#include <ATen/core/Tensor.h>

#include "encoders/media/av/source.h"
#include "encoders/media/orientation.h"

namespace omni::av {

// How the stream's display matrix lays the picture.
[[nodiscard]] Orientation stream_orientation(const AVStream& stream);

class PictureConverter {
 public:
  explicit PictureConverter(const MediaName& name) : name_(name) {}
  // uint8 [Y, X, 3] as stored, a view that holds until the next call. Every frame has
  // the size of the first; later ones of another size are scaled to it.
  [[nodiscard]] at::Tensor convert(const AVFrame& frame);

 private:
  void prepare(const AVFrame& frame);

  const MediaName& name_;
  Handle<SwsContext> scaler_;
  Handle<AVFrame> rgb_;
  // What the scaler was made for.
  int width_ = 0;
  int height_ = 0;
  int format_ = -1;
  int color_space_ = -1;
  int color_range_ = -1;
};

} // namespace omni::av
