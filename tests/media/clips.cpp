// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/media/clips.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace omni::test {

namespace {

std::string quoted(const std::filesystem::path& path) {
  std::string text = path.string();
  text.insert(text.begin(), '\'');
  text.push_back('\'');
  return text;
}

} // namespace

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string run_program(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    throw std::runtime_error("cannot run: " + command);
  }
  std::string output;
  std::array<char, 65536> buffer{};
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  if (pclose(pipe) != 0) {
    throw std::runtime_error("failed: " + command);
  }
  return output;
}

std::string ffmpeg(const std::string& arguments) {
  return run_program("ffmpeg -v error -nostdin -y " + arguments);
}

std::vector<double> probe_frame_times(const std::filesystem::path& path) {
  std::istringstream lines(run_program(
      "ffprobe -v error -select_streams v:0 -show_entries "
      "frame=best_effort_timestamp_time -of csv=p=0 " +
      quoted(path)));
  std::vector<double> times;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("N/A")) { // the last ones of an AVI with B-frames
      times.push_back(2 * times.back() - times[times.size() - 2]);
    } else if (!line.empty()) {
      times.push_back(std::stod(line));
    }
  }
  return times;
}

std::string decode_frames(const std::filesystem::path& path) {
  return ffmpeg(
      "-i " + quoted(path) +
      " -map 0:v:0 -fps_mode passthrough -f rawvideo -pix_fmt rgb24 -");
}

std::vector<float> decode_mono(const std::filesystem::path& path, int num_channels) {
  const auto interleaved = numbers<float>(
      ffmpeg("-i " + quoted(path) + " -map 0:a:0 -f f32le -c:a pcm_f32le -"));
  std::vector<float> mono(interleaved.size() / static_cast<size_t>(num_channels));
  for (size_t i = 0; i < mono.size(); ++i) {
    double sum = 0;
    for (int channel = 0; channel < num_channels; ++channel) {
      sum += interleaved
          [i * static_cast<size_t>(num_channels) + static_cast<size_t>(channel)];
    }
    mono[i] = static_cast<float>(sum / num_channels);
  }
  return mono;
}

} // namespace omni::test
