// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Sound files become Waveforms and back: WAV (read directly), FLAC, MP3, Ogg Vorbis and
// Opus, AAC in M4A or bare; also the soundtrack of a video file. Mono: the mean of the
// channels. The file's own rate is kept. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "encoders/media/media_budget.h"
#include "encoders/media/wav.h"
#include "omni/core/media.h"

namespace omni {

// Throws IoError naming the file and the cause. `source` of the result is the path.
[[nodiscard]] Waveform read_audio(
    const std::filesystem::path& path,
    const MediaBudget& budget = {});

// The same of bytes in memory; `name` stands for the path in errors and receipts.
[[nodiscard]] Waveform decode_audio(
    std::string_view bytes,
    const std::string& name = "bytes",
    const MediaBudget& budget = {});

// Band-limited resampling by swresample, as FFmpeg's programs do it. The result has
// ceil(S * rate_hz / sample_rate_hz) samples, or one less. Throws ValueError unless
// rate_hz is in [1, 1000000].
[[nodiscard]] Waveform resample(const Waveform& waveform, int64_t rate_hz);

// By the extension: .wav or .flac (Int16 and Int24 only). Samples beyond [-1, 1] are
// clipped in the integer formats. Throws ValueError for another extension or samples
// that are not finite, IoError when the file cannot be written.
void write_audio(
    const Waveform& waveform,
    const std::filesystem::path& path,
    SampleFormat format = SampleFormat::Int16);

// The bytes of a WAV or FLAC file.
[[nodiscard]] std::string encode_wav(
    const Waveform& waveform,
    SampleFormat format = SampleFormat::Int16);
[[nodiscard]] std::string encode_flac(
    const Waveform& waveform,
    SampleFormat format = SampleFormat::Int16);

} // namespace omni
