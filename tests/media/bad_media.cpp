// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
#include "tests/media/bad_media.h"

#include <ctime>
#include <functional>

#include "encoders/media/audio_io.h"
#include "encoders/media/image_io.h"
#include "encoders/media/video_io.h"
#include "omni/core/errors.h"
#include "tests/media/clips.h"
#include "tests/media/peak_memory.h"
#include "tests/support/catch.h"

namespace omni::test {

namespace {

constexpr double kMaxSeconds = 0.1;
constexpr int64_t kMaxGrowthMib = 64;

void check_refusal(
    const std::string& component,
    const std::string& subject,
    const std::string& cause,
    const std::function<void()>& read) {
  const PeakMemory memory;
  const std::clock_t start = std::clock();
  std::string message = "nothing was thrown";
  try {
    read();
  } catch (const IoError& error) {
    message = error.what();
    CHECK(error.subject() == subject);
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  INFO(message);
  CHECK(message.starts_with("[" + component + "] " + subject + ": "));
  CHECK(message.find(cause) != std::string::npos);
  CHECK(seconds < kMaxSeconds);
  memory.check_grew_less_than(kMaxGrowthMib);
}

} // namespace

void check_refused(Reader reader, const std::vector<BadFile>& files) {
  const TemporaryFolder folder;
  for (const BadFile& file : files) {
    CAPTURE(file.name, file.cause);
    const auto path = folder / file.name;
    write_bytes(path, file.bytes);
    const auto check = [&](const std::string& component, const auto& from_path,
                           const auto& from_bytes) {
      check_refusal("read_" + component, path.string(), file.cause, from_path);
      check_refusal("decode_" + component, "memory", file.cause, from_bytes);
    };
    switch (reader) {
      case Reader::Image:
        check(
            "image", [&] { static_cast<void>(read_image(path)); },
            [&] { static_cast<void>(decode_image(file.bytes, "memory")); });
        break;
      case Reader::Audio:
        check(
            "audio", [&] { static_cast<void>(read_audio(path)); },
            [&] { static_cast<void>(decode_audio(file.bytes, "memory")); });
        break;
      case Reader::Video:
        check(
            "video", [&] { static_cast<void>(read_video(path)); },
            [&] { static_cast<void>(decode_video(file.bytes, "memory")); });
        break;
    }
  }
}

} // namespace omni::test
