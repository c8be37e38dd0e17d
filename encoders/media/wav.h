// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// WAV, read and written by ourselves: PCM of 8, 16, 24 and 32 bits, float of 32 and 64,
// plain and extensible, with any number of channels up to 64. Torch-free.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "encoders/media/media_name.h"

namespace omni {

struct WavHeader {
  bool is_float = false;
  int bits = 16; // a stored sample
  int num_channels = 1;
  int64_t sample_rate_hz = 0;
  size_t data_offset = 0; // bytes
  int64_t num_frames = 0; // samples of one channel that the data chunk holds
};

// Throws IoError unless the header is sound and the data it declares is there. A size
// of 0xFFFFFFFF, which streaming writers leave, means up to the end of the file.
[[nodiscard]] WavHeader parse_wav_header(std::string_view bytes, const MediaName& name);

// Writes num_frames samples, the mean of the channels, integers scaled to [-1, 1).
// Throws on a float sample that is not finite.
void wav_to_mono(
    std::string_view bytes,
    const WavHeader& header,
    const MediaName& name,
    float* out);

enum class SampleFormat { Int16, Int24, Float32 };

// A whole mono WAV file. Samples beyond [-1, 1] are clipped in the integer formats.
[[nodiscard]] std::string make_wav(
    const float* samples,
    int64_t num_samples,
    int64_t sample_rate_hz,
    SampleFormat format);

// round(sample * 2^(bits - 1)), clipped.
[[nodiscard]] int32_t to_integer_sample(float sample, int bits);

} // namespace omni
