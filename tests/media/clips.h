// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// Clips made while the tests run, by the ffmpeg program, and what ffmpeg and ffprobe
// say about them: the reference that our readers are held against.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace omni::test {

[[nodiscard]] std::string read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, std::string_view bytes);

// Standard output of a shell command; throws std::runtime_error when it fails.
std::string run_program(const std::string& command);
// "ffmpeg -v error -nostdin -y ARGUMENTS".
std::string ffmpeg(const std::string& arguments);

// Bytes as numbers of the machine.
template <typename T>
std::vector<T> numbers(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::copy(
      bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(values.size() * sizeof(T)),
      reinterpret_cast<char*>(values.data()));
  return values;
}

// Times of the frames of the video stream, seconds, as ffprobe decodes them; one that
// it does not know follows at the interval before it.
[[nodiscard]] std::vector<double> probe_frame_times(const std::filesystem::path& path);
// RGB bytes of all frames, as ffmpeg decodes, rotates and converts them.
[[nodiscard]] std::string decode_frames(const std::filesystem::path& path);
// The mean of the channels of the sound, by ffmpeg's decoder, at the file's rate.
[[nodiscard]] std::vector<float> decode_mono(
    const std::filesystem::path& path,
    int num_channels);

} // namespace omni::test
