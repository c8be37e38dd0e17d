// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "encoders/media/audio_io.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include "encoders/media/av/sound_track.h"
#include "encoders/media/av/tensors.h"
#include "encoders/media/byte_source.h"
#include "encoders/media/container_check.h"
#include "encoders/media/sniff.h"

namespace omni {

namespace {

// Enough for every magic number; an ID3 tag before one may be longer.
constexpr int64_t kSniffBytes = 4096;
// A header may count a few frames that a decoder swallows or pads.
constexpr double kDeclaredSlackSeconds = 0.2;

Waveform
decode_wav(std::string_view bytes, const MediaBudget& budget, const MediaName& name) {
  const WavHeader header = parse_wav_header(bytes, name);
  if (header.num_frames == 0) {
    name.fail_expected("at least one sample", "none");
  }
  if (static_cast<double>(header.num_frames) >
      budget.max_audio_seconds * static_cast<double>(header.sample_rate_hz)) {
    name.fail_expected(
        "at most " + std::to_string(static_cast<int64_t>(budget.max_audio_seconds)) +
            " s of sound",
        std::to_string(header.num_frames / header.sample_rate_hz) + " s",
        "Cut it, or raise MediaBudget::max_audio_seconds.");
  }
  at::Tensor samples = at::empty({header.num_frames}, at::kFloat);
  wav_to_mono(bytes, header, name, samples.data_ptr<float>());
  return {samples, header.sample_rate_hz, name.subject};
}

Waveform
decode_source(ByteSource& bytes, const MediaBudget& budget, const MediaName& name) {
  const Deadline deadline(budget, name);
  const std::string head = bytes.read_range(0, kSniffBytes);
  MediaKind kind = sniff(head);
  if (kind == MediaKind::Mp3 && head.starts_with("ID3")) {
    kind = sniff(bytes.read_range(0, bytes.size())); // looks behind the tag
  }
  if (kind == MediaKind::Wav) {
    return decode_wav(bytes.read_range(0, bytes.size()), budget, name);
  }
  if (!is_sound(kind) && !is_movie(kind)) {
    name.fail_expected(
        "a WAV, FLAC, MP3, Ogg, AAC or video file", describe(kind),
        is_picture(kind) ? "Use read_image()." : "");
  }
  check_container(bytes, kind, name);
  av::Source source(bytes, kind, budget, name, deadline);
  if (source.audio_stream() < 0) {
    name.fail_expected("a sound stream in " + describe(kind), "none");
  }
  av::MonoTrack track = av::read_sound_track(source, {});
  if (track.samples.empty()) {
    name.fail_expected("at least one sample", "none");
  }
  const double seconds = static_cast<double>(track.samples.size()) /
      static_cast<double>(track.sample_rate_hz);
  if (seconds + kDeclaredSlackSeconds < source.declared_audio_seconds()) {
    name.fail_expected(
        std::to_string(source.declared_audio_seconds()) +
            " s of sound, as the header declares",
        std::to_string(seconds) + " s", "The file is truncated.");
  }
  return {av::to_tensor(std::move(track.samples)), track.sample_rate_hz, name.subject};
}

} // namespace

Waveform read_audio(const std::filesystem::path& path, const MediaBudget& budget) {
  const MediaName name{"read_audio", path.string()};
  return decode_source(*open_byte_source(path, budget, name), budget, name);
}

Waveform decode_audio(
    std::string_view bytes,
    const std::string& name,
    const MediaBudget& budget) {
  const MediaName media{"decode_audio", name};
  return decode_source(*make_byte_source(bytes, budget, media), budget, media);
}

} // namespace omni
