// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Media values become what the encoders read, without weights: sampled frames, patch
// rows, log-mel frames, and the positions that their rows will have. Deterministic and
// thread-safe; chat and training share it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "omni/model/omni_config.h"
#include "omni/model/token_sequence.h"

namespace omni {

// One media item, ready for the encoders.
struct ProcessedMedia {
  Modality modality = Modality::Image;
  std::vector<ProcessedImage> images; // the picture, or the frames of a clip
  std::vector<double> frame_times_seconds; // of `images` in a clip, from its begin
  at::Tensor mel; // float32 [T, M]; undefined without sound
  double audio_start_seconds = 0.0; // of mel's first frame, from the clip's begin
  int64_t num_rows = 0; // R, what the encoders will make of it
  at::Tensor positions; // float32 [R, 3], relative to the item's first slot
  std::vector<int64_t> row_order; // row r of the item is row row_order[r] of
                                  // [all image rows, then all sound rows]
  double seconds_heard = 0.0;
  std::string dropped; // empty, or sentences: what was left out and why
};

class MediaProcessor {
 public:
  explicit MediaProcessor(OmniConfig config);
  // Each throws ValueError when the model has no such input, and as check_image() etc.
  [[nodiscard]] ProcessedMedia process(const Image& image) const;
  [[nodiscard]] ProcessedMedia process(const Waveform& waveform) const;
  [[nodiscard]] ProcessedMedia process(const VideoClip& clip) const;
  // A picture as the image codec reads it: float32 [3, size, size] in [-1, 1].
  [[nodiscard]] at::Tensor codec_pixels(const Image& image) const;
  // Speech as the speech codec reads it: log-mel float32 [T, M].
  [[nodiscard]] at::Tensor codec_mel(const Waveform& waveform) const;

 private:
  void check_sees() const;
  void check_hears() const;
  void add_frames(const VideoClip& clip, ProcessedMedia& media) const;
  void add_sound(const Waveform& waveform, ProcessedMedia& media) const;
  void lay_out(ProcessedMedia& media) const;

  OmniConfig config_;
  std::optional<ImageProcessor> image_processor_;
  std::optional<FrameSampler> frame_sampler_;
  std::optional<AudioProcessor> audio_processor_;
  std::optional<AudioProcessor> codec_audio_processor_;
};

} // namespace omni
