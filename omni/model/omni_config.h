// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// What an OmniModel is made of: options of each part (all of them optional), the token
// space, and how media time becomes positions. One config.json; plain values.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "encoders/audio_processor.h"
#include "encoders/conformer.h"
#include "encoders/dense_head.h"
#include "encoders/frame_sampler.h"
#include "encoders/image_processor.h"
#include "encoders/projector.h"
#include "encoders/vit.h"
#include "kernels/weight_format.h"
#include "omni/transformer/transformer_config.h"
#include "tokenizers/image_codec.h"
#include "tokenizers/speech_codec.h"
#include "tokenizers/token_space.h"
#include "tokenizers/vocoder.h"

namespace omni {

// Pictures and video frames as input.
struct VisionConfig {
  ImageProcessorOptions processor;
  VitOptions encoder;
  ProjectorOptions projector;
  FrameSamplerOptions frame_sampler;
  std::optional<DenseHeadOptions> dense_head; // supervised side head, for training
};

// Sound as input, alone or under a video.
struct AudioConfig {
  AudioProcessorOptions processor;
  ConformerOptions encoder;
  ProjectorOptions projector;
  double max_seconds = 30.0; // of one item; the rest is dropped and reported

  // Rows of the transformer for one second of sound.
  [[nodiscard]] double rows_per_second() const;
};

struct OmniConfig {
  std::string name = "omni";
  std::optional<TransformerConfig> transformer;
  // Of the large weights (OmniModelImpl::quantizable); none: floating.
  std::optional<kernels::WeightFormat> weight_format;
  std::optional<VisionConfig> vision;
  std::optional<AudioConfig> audio;
  std::optional<ImageCodecOptions> image_codec;
  std::optional<SpeechCodecOptions> speech_codec;
  std::optional<VocoderOptions> vocoder;
  // A learnt row for every place of a drawing is added to the code that lies there.
  // Rotary positions are relative: without it, codes of even ground are the same row
  // everywhere and where to begin a shape has to be counted from `draw_begin`.
  bool has_drawing_places = false;
  TokenSpace token_space;
  double positions_per_second = 12.5; // how far t moves in one second of media
  double seconds_per_chunk = 1.0; // frames and sound of a video are merged this finely
};

// Throws IoError when the file is absent, not JSON or has a key twice; ValueError
// naming the key when it is not a configuration of ours, and when parts do not fit
// together (projector and transformer widths, code counts and segments).
[[nodiscard]] OmniConfig read_config(const std::filesystem::path& path);
[[nodiscard]] OmniConfig parse_config(const std::string& json_text);
[[nodiscard]] std::string config_to_json(const OmniConfig& config);
void check_config(const OmniConfig& config);

} // namespace omni
