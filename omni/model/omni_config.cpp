// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "omni/model/omni_config.h"

#include "omni/core/errors.h"
#include "omni/core/file_io.h"
#include "omni/model/config_archive.h"
#include "omni/model/config_fields.h"

namespace omni {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) {
    throw ValueError("config", message);
  }
}

// A codec's codes must fill their segment exactly.
void check_segment(const TokenSpace& space, Segment segment, int64_t num_codes) {
  const int64_t size = space.has(segment) ? space.range(segment).size() : 0;
  require(
      size == num_codes,
      std::string("expected the ") + segment_name(segment) + " segment to have " +
          std::to_string(num_codes) + " ids, one a code, got " + std::to_string(size) +
          ".");
}

} // namespace

double AudioConfig::rows_per_second() const {
  constexpr double kConformerStride = 4.0; // mel frames a conformer row
  return static_cast<double>(processor.sample_rate_hz) /
      static_cast<double>(processor.hop) / kConformerStride /
      static_cast<double>(projector.merge);
}

void check_config(const OmniConfig& config) {
  if (config.vision) {
    require(
        config.vision->projector.input_width == config.vision->encoder.output_width(),
        "expected `vision.projector.input_width` " +
            std::to_string(config.vision->encoder.output_width()) +
            ", the encoder's output width, got " +
            std::to_string(config.vision->projector.input_width) + ".");
    require(
        config.vision->processor.patch_size == config.vision->encoder.patch_size &&
            config.vision->processor.merge == config.vision->encoder.merge,
        "expected `vision.processor` and `vision.encoder` to agree on patch_size and "
        "merge.");
    require(
        config.vision->projector.merge == 1,
        "expected `vision.projector.merge` 1: the encoder merges pictures.");
  }
  if (config.audio) {
    require(
        config.audio->projector.input_width == config.audio->encoder.width,
        "expected `audio.projector.input_width` " +
            std::to_string(config.audio->encoder.width) +
            ", the encoder's width, got " +
            std::to_string(config.audio->projector.input_width) + ".");
    require(
        config.audio->processor.num_mels == config.audio->encoder.num_mels,
        "expected `audio.processor` and `audio.encoder` to agree on num_mels.");
  }
  require(
      config.transformer || config.vision || config.audio || !config.weight_format,
      "expected a `transformer`, `vision` or `audio` with `weight_format`, got none.");
  if (!config.transformer) {
    return;
  }
  check_config(*config.transformer);
  require(
      !config.has_drawing_places || config.image_codec,
      "expected an `image_codec` with `has_drawing_places`, got none.");
  const int64_t width = config.transformer->width;
  for (const ProjectorOptions* projector :
       {config.vision ? &config.vision->projector : nullptr,
        config.audio ? &config.audio->projector : nullptr}) {
    require(
        projector == nullptr || projector->output_width == width,
        "expected every projector's output_width to be the transformer's width " +
            std::to_string(width) + ".");
  }
  require(
      config.token_space.vocab_size() == config.transformer->vocab_size,
      "expected `token_space.vocab_size` " +
          std::to_string(config.transformer->vocab_size) + ", the transformer's, got " +
          std::to_string(config.token_space.vocab_size()) + ".");
  if (config.image_codec) {
    check_segment(config.token_space, Segment::Image, config.image_codec->num_codes());
  }
  if (config.speech_codec) {
    check_segment(
        config.token_space, Segment::Speech, config.speech_codec->num_codes());
  }
}

namespace {

// `subject` is what a text that is no JSON is called in the error.
OmniConfig config_of(const std::string& json_text, const std::string& subject) {
  const ConfigJson json = parse_ordered_json(json_text, "config", subject);
  OmniConfig config;
  ConfigReader reader(json, "");
  describe(reader, config);
  reader.reject_unknown();
  check_config(config);
  return config;
}

} // namespace

OmniConfig parse_config(const std::string& json_text) {
  return config_of(json_text, "the configuration");
}

OmniConfig read_config(const std::filesystem::path& path) {
  constexpr int64_t kMaxBytes = int64_t{2} << 20;
  const std::string text = read_file(path, kMaxBytes);
  try {
    return config_of(text, path.string());
  } catch (const ValueError& error) {
    throw ValueError("config", path.string() + ": " + error.what());
  }
}

std::string config_to_json(const OmniConfig& config) {
  OmniConfig copy = config; // describe() takes fields it could also set
  ConfigWriter writer;
  describe(writer, copy);
  return writer.json.dump(2) + "\n";
}

} // namespace omni
