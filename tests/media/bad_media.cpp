// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/media/bad_media.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <mutex>
#include <thread>

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"
#include "omni/core/errors.h"
#include "tests/media/clips.h"
#include "tests/media/peak_memory.h"
#include "tests/support/catch.h"

namespace omni::test {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double kMaxSeconds = 0.1;
constexpr std::chrono::seconds kMaxWait{2};
constexpr int64_t kMaxGrowthMib = 64;

std::string name_of(Reader reader) {
  return reader == Reader::Image ? "image"
      : reader == Reader::Audio  ? "audio"
                                 : "video";
}

void read(Reader reader, const fs::path& path) {
  switch (reader) {
    case Reader::Image:
      return static_cast<void>(read_image(path));
    case Reader::Audio:
      return static_cast<void>(read_audio(path));
    case Reader::Video:
      return static_cast<void>(read_video(path));
  }
}

void decode(Reader reader, const std::string& bytes) {
  switch (reader) {
    case Reader::Image:
      return static_cast<void>(decode_image(bytes, "memory"));
    case Reader::Audio:
      return static_cast<void>(decode_audio(bytes, "memory"));
    case Reader::Video:
      return static_cast<void>(decode_video(bytes, "memory"));
  }
}

void check_refusal(
    const std::string& component,
    const std::string& subject,
    const std::string& cause,
    const std::function<void()>& work) {
  const PeakMemory memory;
  const Clock::time_point begin = Clock::now();
  const std::clock_t start = std::clock();
  std::string message = "nothing was thrown";
  std::string named;
  try {
    work();
  } catch (const IoError& error) {
    message = error.what();
    named = error.subject();
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const Clock::duration waited = Clock::now() - begin;
  const int64_t grown_mib = memory.grown_bytes() >> 20;
  INFO(message);
  CHECK(named == subject);
  CHECK(message.starts_with("[" + component + "] " + subject + ": "));
  CHECK(message.find(cause) != std::string::npos);
  CHECK(seconds < kMaxSeconds);
  CHECK(waited < kMaxWait);
  CHECK(grown_mib < kMaxGrowthMib);
}

// Ends the waiting of whoever has opened a pipe and found no writer, once it has waited
// too long: the test then fails instead of hanging.
std::jthread rescue_from(const fs::path& pipe) {
  return std::jthread([pipe](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, kMaxWait, [] { return false; });
    if (!stop.stop_requested()) {
      close(open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    }
  });
}

} // namespace

void check_refused(Reader reader, const std::vector<BadFile>& files) {
  const TemporaryFolder folder;
  for (const BadFile& file : files) {
    CAPTURE(file.name, file.cause);
    const auto path = folder / file.name;
    write_bytes(path, file.bytes);
    check_refusal("read_" + name_of(reader), path.string(), file.cause, [&] {
      read(reader, path);
    });
    check_refusal("decode_" + name_of(reader), "memory", file.cause, [&] {
      decode(reader, file.bytes);
    });
  }
}

void check_no_file_refused(Reader reader) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "folder");
  const auto pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const std::vector<std::pair<fs::path, std::string>> table = {
      {folder / "none", "No such file or directory"},
      {folder / "folder", "got a directory"},
      {pipe, "got a device, pipe or socket"},
      {"/dev/zero", "got a device, pipe or socket"},
      {"", "No such file or directory"},
  };
  const std::jthread rescue = rescue_from(pipe);
  for (const auto& [path, cause] : table) {
    CAPTURE(path.string());
    check_refusal(
        "read_" + name_of(reader), path.string(), cause, [&] { read(reader, path); });
  }
}

} // namespace omni::test
