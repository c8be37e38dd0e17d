// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
// Damaged pictures are refused without a word on standard error.
#include "encoders/media/quiet_call.h"

#include <fcntl.h>
#include <unistd.h>

#include <opencv2/imgcodecs.hpp>

#include <atomic>
#include <cstdio>
#include <iostream>
#include <thread>

#include "encoders/media/image_io.h"
#include "omni/core/errors.h"
#include "tests/media/clips.h"
#include "tests/media/samples.h"
#include "tests/support/catch.h"

using namespace omni;
using omni::test::read_bytes;
using omni::test::TemporaryFolder;

namespace {

// What the process writes to standard error while `work` runs.
std::string heard_while(const std::function<void()>& work) {
  const TemporaryFolder folder;
  const auto path = folder / "stderr";
  std::fflush(stderr);
  const int kept = dup(STDERR_FILENO);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  REQUIRE(kept >= 0);
  REQUIRE(file >= 0);
  dup2(file, STDERR_FILENO);
  work();
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(file);
  return read_bytes(path);
}

// A PNG whose rows say that they are filtered in a way that there is none, and a JPEG
// whose data were exchanged.
std::vector<std::string> damaged_pictures() {
  test::PngSpec png{4, 4, 8, 2, std::string(100, 'x')};
  png.is_interlaced = true; // `rows` hold the filter bytes
  std::string jpeg = test::sample("cmyk.jpg");
  jpeg.replace(
      jpeg.size() - 16, 12, "\x12\x34\x56\x78\x12\x34\x56\x78\x12\x34\x56\x78");
  return {test::make_png(png), jpeg};
}

} // namespace

TEST_CASE("libraries say nothing of damaged pictures") {
  for (const std::string& bytes : damaged_pictures()) {
    const std::string heard = heard_while([&] {
      try {
        static_cast<void>(decode_image(bytes));
      } catch (const IoError&) { // or read as far as it goes
      }
    });
    CHECK(heard.empty());
    // They do have something to say.
    const std::string unheard = heard_while([&] {
      const cv::Mat buffer(
          1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
      static_cast<void>(cv::imdecode(buffer, cv::IMREAD_UNCHANGED));
    });
    CHECK_FALSE(unheard.empty());
  }
}

TEST_CASE("other threads are heard all the while, and so is the caller afterwards") {
  const std::string heard = heard_while([&] {
    std::atomic<bool> is_inside = false;
    std::atomic<bool> has_spoken = false;
    std::thread other([&] {
      while (!is_inside) {
        std::this_thread::yield();
      }
      std::fputs("other\n", stderr);
      has_spoken = true;
    });
    const std::string said = call_quietly([&] {
      std::fputs("inside\n", stderr);
      std::cerr << "inside\n" << std::flush;
      is_inside = true;
      while (!has_spoken) {
        std::this_thread::yield();
      }
      std::fputs("inside\n", stderr);
    });
    CHECK(said == "inside\ninside\ninside\n"); // and this is what was inside
    other.join();
    std::fputs("after\n", stderr);
  });
  CHECK(heard == "other\nafter\n");
}

TEST_CASE("quiet calls side by side hear each its own") {
  std::vector<std::string> said(8);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < said.size(); ++i) {
    threads.emplace_back([&said, i] {
      said[i] = call_quietly([i] {
        for (int round = 0; round < 100; ++round) {
          std::fputs((std::to_string(i) + " ").c_str(), stderr);
        }
      });
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (size_t i = 0; i < said.size(); ++i) {
    std::string expected;
    for (int round = 0; round < 100; ++round) {
      expected += std::to_string(i) + " ";
    }
    CHECK(said[i] == expected);
  }
  CHECK(call_quietly([] {}).empty());
}

TEST_CASE("files that were open stay open, and what is thrown arrives") {
  const TemporaryFolder folder;
  const int file = open((folder / "f").c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(file >= 0);
  CHECK_THROWS_WITH(
      call_quietly([] { throw std::runtime_error("from inside"); }), "from inside");
  CHECK(write(file, "x", 1) == 1);
  CHECK(close(file) == 0);
}
