// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// An MP4 may say that a track's samples lie in another file (a data reference, `dref`).
// FFmpeg's MP4 demuxer is the only one of our list that opens a second file, and only
// with its option `enable_drefs`, which we do not set: such a track has no samples.
// With that option, given here, the demuxer does try, and each of the two locks that
// our context has (the refusing callback, the empty list of protocols) stops it alone.
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <set>

#include "encoders/media/audio_io.h"
#include "encoders/media/av/source.h"
#include "encoders/media/video_io.h"
#include "omni/core/errors.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using namespace omni::test;
using namespace std::string_literals;

namespace {

namespace fs = std::filesystem;

// Whether files of a folder were opened, by the kernel's word.
class OpenWatch {
 public:
  explicit OpenWatch(const fs::path& folder)
      : descriptor_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    REQUIRE(descriptor_ >= 0);
    REQUIRE(inotify_add_watch(descriptor_, folder.c_str(), IN_OPEN) >= 0);
  }
  ~OpenWatch() {
    close(descriptor_);
  }
  OpenWatch(const OpenWatch&) = delete;
  OpenWatch& operator=(const OpenWatch&) = delete;

  // Names of those opened since the last call.
  std::set<std::string> take() {
    std::set<std::string> names;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (ssize_t got = 0;
         (got = read(descriptor_, buffer.data(), buffer.size())) > 0;) {
      for (size_t at = 0; at < static_cast<size_t>(got);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof(event));
        if (event.len > 0) {
          names.insert(buffer.data() + at + sizeof(event));
        }
        at += sizeof(event) + event.len;
      }
    }
    return names;
  }

 private:
  int descriptor_;
};

// A working folder for as long as it lives.
class WorkingFolder {
 public:
  explicit WorkingFolder(const fs::path& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~WorkingFolder() {
    std::error_code ignored;
    fs::current_path(before_, ignored);
  }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  fs::path before_;
};

// The boxes of an MP4, with every `dref` replaced.
std::string with_references(const std::string& boxes, const std::string& reference) {
  static const std::set<std::string> kParents = {
      "moov", "trak", "mdia", "minf", "dinf"};
  std::string out;
  for (size_t at = 0; at + 8 <= boxes.size();) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(boxes[at + i]); };
    const size_t size =
        static_cast<size_t>(byte(0)) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    REQUIRE((size >= 8 && size <= boxes.size() - at));
    const std::string type = boxes.substr(at + 4, 4);
    const std::string content = boxes.substr(at + 8, size - 8);
    if (type == "dref") {
      out += mp4_box("dref", big(0, 4) + big(1, 4) + reference);
    } else {
      out += mp4_box(
          type,
          kParents.contains(type) ? with_references(content, reference) : content);
    }
    at += size;
  }
  return out;
}

// Text in a field of Pascal's kind: its length, then the characters.
std::string pascal(const std::string& text, size_t field_bytes) {
  std::string field(1, static_cast<char>(text.size()));
  field += text;
  field.resize(field_bytes, '\0');
  return field;
}

// A Macintosh alias record to a file in the same folder: the form of reference that
// FFmpeg follows. One level up from the alias, one level down to the target.
std::string alias_to(const std::string& name) {
  const std::string path = "/" + name;
  return mp4_box(
      "alis",
      big(0, 4) + std::string(10, '\0') + pascal("", 28) + std::string(12, '\0') +
          pascal(name, 64) + std::string(16, '\0') + big(1, 2) + big(1, 2) +
          std::string(16, '\0') + big(2, 2) + big(path.size(), 2) + path +
          std::string(path.size() % 2, '\0') + big(0xFFFF, 2) + big(0, 2));
}

std::string address_of(const std::string& name) {
  return mp4_box("url ", big(0, 4) + name + '\0');
}

// The other files that the MP4 demuxer opens for "clip.mp4" in a context of ours, told
// to follow references.
std::set<std::string> others_opened(
    OpenWatch& watch,
    const std::function<void(AVFormatContext&)>& change) {
  const MediaName name{"test", "clip.mp4"};
  const Deadline deadline(MediaBudget{}, name);
  AVIOContext* io = nullptr;
  REQUIRE(avio_open(&io, "clip.mp4", AVIO_FLAG_READ) >= 0);
  AVFormatContext* format = av::make_closed_context(io, deadline);
  change(*format);
  AVDictionary* options = nullptr;
  av_dict_set(&options, "enable_drefs", "1", 0);
  static_cast<void>(watch.take());
  const AVInputFormat* demuxer = av_find_input_format("mov");
  if (avformat_open_input(&format, "clip.mp4", demuxer, &options) >= 0) {
    avformat_close_input(&format);
  }
  CHECK(av_dict_count(options) == 0); // the option is one
  av_dict_free(&options);
  avio_closep(&io);
  return watch.take();
}

} // namespace

TEST_CASE("the samples of an MP4 are not looked for in other files") {
  const TemporaryFolder folder;
  const WorkingFolder here(folder.path); // a relative name leads to the other file
  const std::string other = "other.mp4";
  ffmpeg(
      "-f lavfi -i testsrc=size=64x48:rate=10:duration=1 -f lavfi -i "
      "sine=duration=1 -c:v mpeg4 -c:a aac " +
      other);
  const std::string whole = read_bytes(other);
  OpenWatch watch(folder.path);
  const auto check_unopened = [&](const std::string& bytes) {
    write_bytes("clip.mp4", bytes);
    static_cast<void>(watch.take());
    const auto read_all = [&] {
      CHECK_THROWS_AS(read_video("clip.mp4"), IoError);
      CHECK_THROWS_AS(read_audio("clip.mp4"), IoError);
      CHECK_THROWS_AS(decode_video(bytes, "memory"), IoError);
      CHECK_THROWS_AS(decode_audio(bytes, "memory"), IoError);
    };
    read_all();
    CHECK(watch.take() == std::set<std::string>{"clip.mp4"});
  };
  SECTION("an alias, which FFmpeg can follow") {
    const std::string bytes = with_references(whole, alias_to(other));
    check_unopened(bytes);
    ffmpeg("-enable_drefs 1 -i clip.mp4 -f null -");
    CHECK(watch.take().contains(other));
    AVFormatContext* open = avformat_alloc_context();
    const auto without_callback = [&](AVFormatContext& format) {
      format.io_open = open->io_open;
    };
    const auto without_list = [](AVFormatContext& format) {
      av_freep(&format.protocol_whitelist);
    };
    const std::set<std::string> none;
    CHECK(others_opened(watch, [](AVFormatContext&) {}) == none);
    CHECK(others_opened(watch, without_callback) == none);
    CHECK(others_opened(watch, without_list) == none);
    // Without both the demuxer opens it, so that it has asked above.
    CHECK(others_opened(watch, [&](AVFormatContext& format) {
            without_callback(format);
            without_list(format);
          }) == std::set<std::string>{other});
    avformat_free_context(open);
  }
  SECTION("an address") {
    for (const std::string& address :
         {other, "file:" + other, "file://" + (folder / other).string()}) {
      CAPTURE(address);
      std::string bytes = with_references(whole, address_of(address));
      // FFmpeg reads such samples from the file itself, where there are none here.
      const size_t data = bytes.find("mdat") + 4;
      const size_t size = whole.find("moov") - whole.find("mdat") - 8;
      bytes.replace(data, size, size, '\0');
      check_unopened(bytes);
    }
  }
}
